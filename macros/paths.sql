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


{# An absolute path in one spelling, without `.` and `..` (three times at most one after another): a relative one starts
   at `directory`. Null for null, and for a relative path where the directory is null. #}
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
