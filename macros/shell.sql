{#
  The parser of shell commands (models/intermediate/actions) in words. The expressions are variables in dbt_project.yml:
  each becomes one constant pattern, which is compiled once per query and not once per row.
#}


{# A variable that holds a regular expression, or a list of alternatives, as a SQL literal. #}
{% macro pattern_literal(name) -%}
    {%- set value = var(name) -%}
    {{- text_literal(value if value is string else value | join('|')) -}}
{%- endmacro %}


{# A variable that holds a list of words as SQL literals. #}
{% macro word_literals(name) -%}
    '{{ var(name) | join("', '") }}'
{%- endmacro %}


{# Text without what stands before the program: keywords, assignments, wrappers, directories of programs. #}
{% macro without_prefixes(segment) -%}
    {%- set alternatives = var('command_prefixes') | join('|') | replace("'", "''") -%}
    {{ replaced(
        segment,
        "'^(?:(?:" ~ alternatives ~ ")\\s+|" ~ var('program_directories') ~ ")+'",
        "''"
    ) }}
{%- endmacro %}


{# `npm --prefix web run lint` → `npm lint`, `git -C dir log` → `git log`. #}
{% macro with_subcommand_first(segment) -%}
    {%- set programs = var('programs_with_subcommands') | join('|') -%}
    {%- set valued = "(?:" ~ var('valued_options') | join('|') ~ ")\\s+\\S+" -%}
    {%- set runners = var('task_runners') | join('|') -%}
    {%- set words = var('task_runner_words') | join('|') -%}
    {%- set without_values = replaced(
        segment, "'^((?:\\S*/)?(?:" ~ programs ~ ")(?:\\s+-\\S+)*?)(?:\\s+" ~ valued ~ ")+(\\s|$)'", "'\\1\\2'"
    ) -%}
    {{ replaced(
        without_values,
        "'^(?:\\S*/)?(" ~ runners ~ ")((?:\\s+-\\S+)*)(?:\\s+(?:" ~ words ~ ")((?:\\s+-\\S+)*))+\\s+'",
        "'\\1\\2\\3 '"
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


{# Kind of a path, by the variable `path_kinds`; null where none fits. #}
{% macro path_kind(path) -%}
    case
        {%- for kind, pattern in var('path_kinds').items() %}
        when {{ matches('lower(' ~ path ~ ')', text_literal(pattern)) }} then '{{ kind }}'
        {%- endfor %}
    end
{%- endmacro %}
