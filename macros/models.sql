{# Name of a model without its release date, as the price list has it: claude-opus-4-5-20251101 → claude-opus-4-5. #}
{% macro base_model(model) -%}
    regexp_replace({{ model }}, '[-@]20[0-9]{6}$', '')
{%- endmacro %}
