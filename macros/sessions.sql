{# What two spellings of a session have in common: of an address the id at its end. #}
{% macro session_name(reference) -%}
    {{ replaced('lower(' ~ reference ~ ')', text_literal(var('session_name_prefix')), "''") }}
{%- endmacro %}
