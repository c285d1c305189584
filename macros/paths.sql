{# A path in one spelling: forward slashes, a lower-case drive letter (Windows and WSL write both), no slash at the end. #}
{% macro comparable_path(path) -%}
    {%- set slashed = "replace(" ~ path ~ ", chr(92), '/')" -%}
    regexp_replace(
        case
            when {{ matches(slashed, "'^[A-Za-z]:'") }} then lower(left({{ slashed }}, 1)) || substr({{ slashed }}, 2)
            else {{ slashed }}
        end,
        '(.)/+$',
        '\1'
    )
{%- endmacro %}
