{#
  A count of tokens as a bigint; null where the text is no whole number from 0 to 999,999,999,999: no response can have
  more, and a broken number must not break a sum.
#}
{% macro token_count(text) -%}
    case when {{ matches(text, "'^[0-9]{1,12}$'") }} then cast({{ text }} as bigint) end
{%- endmacro %}
