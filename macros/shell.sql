{#
  The parser of shell commands (models/intermediate/actions) in words. The expressions are variables in dbt_project.yml:
  each becomes one constant pattern, which is compiled once per query and not once per row.
#}


{# A variable that holds a regular expression, or a list of alternatives, as a SQL literal. #}
{% macro pattern_literal(name) -%}
    {%- set value = var(name) -%}
    '{{ (value if value is string else value | join('|')) | replace("'", "''") }}'
{%- endmacro %}


{# A variable that holds a list of words as SQL literals. #}
{% macro word_literals(name) -%}
    '{{ var(name) | join("', '") }}'
{%- endmacro %}


{# Text without what stands before the program: keywords, assignments, wrappers, directories of programs. #}
{% macro without_prefixes(segment) -%}
    {%- set alternatives = var('command_prefixes') | join('|') | replace("'", "''") -%}
    {{ replace_matches(
        segment,
        "'^(?:(?:" ~ alternatives ~ ")(?:\\s+|$)|" ~ var('program_directories') ~ ")+'",
        "''"
    ) }}
{%- endmacro %}


{# `npm run lint` → `npm lint`. #}
{% macro without_runner_words(segment) -%}
    {%- set runners = var('task_runners') | join('|') -%}
    {%- set words = var('task_runner_words') | join('|') -%}
    {%- set options = "((?:\\s+(?:(?:" ~ var('valued_options') | join('|') ~ ")\\s+\\S+|-\\S+))*)" -%}
    {{ replace_matches(
        segment,
        "'^(\\S*/)?(" ~ runners ~ ")" ~ options ~ "\\s+(?:" ~ words ~ ")((?:\\s+-\\S+)*)\\s+'",
        "'\\2\\3\\4 '"
    ) }}
{%- endmacro %}


{# The first word after the program that is no option and no option's value. #}
{% macro subcommand_of(segment) -%}
    nullif(regexp_extract(
        {{ segment }},
        '^\S+(?:\s+(?:(?:{{ var("valued_options") | join("|") }})\s+\S+|[-+]\S*))*\s+([^\s<>-]\S*)',
        1
    ), '')
{%- endmacro %}
