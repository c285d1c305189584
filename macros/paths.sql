{# A path in one spelling: forward slashes, a lower-case drive letter (Windows and WSL write both), no slash at the end. #}
{% macro comparable_path(path) -%}
    rtrim(
        case
            when {{ matches("replace(" ~ path ~ ", '\\', '/')", "'^[A-Za-z]:'") }}
                then lower(substr({{ path }}, 1, 1)) || substr(replace({{ path }}, '\', '/'), 2)
            else replace({{ path }}, '\', '/')
        end,
        '/'
    )
{%- endmacro %}
