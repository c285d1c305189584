{# Weight of one line as evidence, in millionths: a line that n commits add is worth 1/n. #}
{% macro line_weight(families) -%}
    cast(round(1000000.0 / {{ families }}) as bigint)
{%- endmacro %}


{# Strength between 0 and 1 of an amount: each doubling counts less, from `full` on it is 1. #}
{% macro saturating(amount, full) -%}
    ln(1 + least({{ amount }}, {{ full }})) / ln(1 + {{ full }})
{%- endmacro %}


{# Strength between 0 and 1 of a time that has passed, in milliseconds: 1 at once, 1/2 after `half_minutes`, 0 where it
   is not known. #}
{% macro fading(passed_ms, half_minutes) -%}
    case when {{ passed_ms }} is null then 0 else 1 / (1 + greatest({{ passed_ms }}, 0) / (60000.0 * {{ half_minutes }})) end
{%- endmacro %}


{# Array of the words of a text, in lower case; identifiers are split (camelCase, snake_case). #}
{% macro words_of(text) -%}
    {%- set parts = replaced("left(" ~ text ~ ", " ~ var('words_characters') ~ ")", "'([a-z0-9])([A-Z])'", "'\\1 \\2'") -%}
    {{ all_matches("lower(" ~ parts ~ ")", text_literal(var('word_pattern'))) }}
{%- endmacro %}


{# Strength between 0 and 1 of how near two times are: 1 at once, 1/2 when they are `half_minutes` apart. #}
{% macro fading_distance(one, other, half_minutes) -%}
    {{ fading('abs(' ~ ms_between(one, other) ~ ')', half_minutes) }}
{%- endmacro %}


{# A commit's subject as it is compared: lower case, without the number that a host adds. #}
{% macro comparable_subject(subject) -%}
    lower(trim({{ replaced(subject, "' \\(#[0-9]+\\)$'", "''") }}))
{%- endmacro %}


{# A share, rounded, with the bounds of its 95 % interval, as three columns; null where there is nothing to divide by. #}
{% macro share_with_bounds(part, whole, name) -%}
    round({{ part }} / nullif({{ whole }}, 0), 6) as {{ name }},
    {{ wilson_bound(part, whole, '-') }} as {{ name }}_low,
    {{ wilson_bound(part, whole, '+') }} as {{ name }}_high
{%- endmacro %}


{# Part of `lines` of `whole` that `part` of `compared` stands for, a whole number: as many as there are, in proportion.
   0 where there is nothing to share out; null where nothing was compared. #}
{% macro shared_out(part, whole, compared) -%}
    case
        when {{ whole }} = 0 then 0
        when {{ compared }} > 0 then cast(round(1.0 * ({{ part }}) * {{ whole }} / {{ compared }}) as bigint)
    end
{%- endmacro %}


{# Share of lines as an exact number; null where there are none. #}
{% macro agent_share(lines, known_lines) -%}
    cast(round(1.0 * {{ lines }} / nullif({{ known_lines }}, 0), 6) as decimal(9, 6))
{%- endmacro %}


{# Rows of a commit and each path that it touched: a renamed file stands under its old path too. #}
{% macro commit_paths() -%}
    select
        project_id,
        commit_sha,
        path

    from {{ ref('stg_git__commit_files') }}

    union

    select
        project_id,
        commit_sha,
        old_path as path

    from {{ ref('stg_git__commit_files') }}
    where old_path is not null
{%- endmacro %}
