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


{# The redaction tokens of a text, an array; empty where there is none. #}
{% macro redaction_tokens(text) -%}
    {{ all_matches(text, "'\\[REDACTED:[a-z0-9_]{2,40}:[A-Z2-7]{16}\\]'") }}
{%- endmacro %}


{# What is the same for the same secret, whichever rule found it: the keyed hash of a token. #}
{% macro secret_of(token) -%}
    rtrim(split_part({{ token }}, ':', 3), ']')
{%- endmacro %}
