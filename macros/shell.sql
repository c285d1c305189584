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


{# Every line of scripts: whether it belongs to a heredoc, to which of its script (from 1), and whether it is what ends it.
   `relation` has `script_key`, `script` and `is_cut`: true where the end of the script is missing. #}
{% macro heredoc_lines(relation) -%}
(
    with arrays as (

        select
            script_key,
            is_cut,
            {{ split_lines('script') }} as script_lines

        from {{ relation }}

    ),

    script_lines as (

        select
            script_key,
            is_cut,
            element as line,
            element_index as line_index,
            trim(element, ' ' || chr(9) || chr(13)) as delimiter,
            nullif(
                trim(regexp_extract(element, {{ pattern_literal('shell_heredoc') }}, 1), chr(92) || '"' || chr(39)), ''
            ) as opened

        from {{ explode('arrays', 'script_lines') }}

    ),

    -- a heredoc reaches to the first later line that is its delimiter; without one there is none, unless the end was cut
    heredocs as (

        select
            openers.script_key,
            openers.line_index,
            coalesce(min(closers.line_index), max(case when openers.is_cut then {{ var('command_characters') }} end))
                as last_line_index

        from script_lines as openers
        left join script_lines as closers
            on openers.script_key = closers.script_key
            and openers.opened = closers.delimiter
            and openers.line_index < closers.line_index
        where openers.opened is not null
        group by openers.script_key, openers.line_index

    ),

    reached as (

        select
            script_lines.*,
            heredocs.last_line_index,
            coalesce(max(heredocs.last_line_index) over (
                partition by script_lines.script_key
                order by script_lines.line_index
                rows between unbounded preceding and 1 preceding
            ), 0) as reached_line_index

        from script_lines
        left join heredocs
            on script_lines.script_key = heredocs.script_key
            and script_lines.line_index = heredocs.line_index

    )

    select
        script_key,
        line,
        line_index,
        reached_line_index >= line_index as is_body,
        reached_line_index = line_index as is_delimiter,
        count(case when reached_line_index < line_index then last_line_index end) over (
            partition by script_key
            order by line_index
            rows between unbounded preceding and current row
        ) as heredoc_index

    from reached
)
{%- endmacro %}


{# The file that a line of a patch names; null where it is no such line, or names none. #}
{% macro patched_path(line) -%}
    nullif(nullif(regexp_extract({{ line }}, {{ pattern_literal('patch_headers') }}, 1), ''), '/dev/null')
{%- endmacro %}
