{#
  A count of tokens as a bigint; null where the text is no whole number from 0 to 999,999,999,999: no response can have
  more, and a broken number must not break a sum.
#}
{% macro token_count(text) -%}
    case when {{ matches(text, "'^[0-9]{1,12}$'") }} then cast({{ text }} as bigint) end
{%- endmacro %}


{#
  A text with the keyed hashes of its redaction tokens left out: the same text has other hashes on a machine with another
  key (docs/two-machines.md).
#}
{% macro without_token_hashes(text) -%}
    case
        when {{ text }} like '%[REDACTED:%'
            then {{ replaced(text, "'(\\[REDACTED:[a-z0-9_]+):[A-Z2-7]{16}\\]'", "'\\1]'") }}
        else {{ text }}
    end
{%- endmacro %}
