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


{# An absolute path in one spelling, without `.` and `..`: a relative one starts at `directory`. Null where it cannot be
   known: the path or the directory holds a variable, a home or a pattern of the shell. #}
{% macro absolute_path(path, directory) -%}
    {%- set whole -%}
    case
        when {{ matches(comparable_path(path), "'^(?:/|[a-z]:/)'") }} then {{ comparable_path(path) }}
        when {{ path }} != '' then {{ comparable_path(directory) }} || '/' || {{ comparable_path(path) }}
    end
    {%- endset -%}
    {%- set plain = replaced(whole, "'/(?:\\./)*(?:\\.$)?'", "'/'") -%}
    {%- set parent = "'/[^/]+/\\.\\.(?:/|$)'" -%}
    {{ comparable_path(replaced(replaced(replaced(plain, parent, "'/'"), parent, "'/'"), parent, "'/'")) }}
{%- endmacro %}


{# The last part of a path with forward slashes. #}
{% macro file_name(path) -%}
    {{ replaced(path, "'^.*/'", "''") }}
{%- endmacro %}
