{# Small helpers of the models that read reactions. #}


{# A text as words between single blanks, in lower case, with a blank at both ends: question marks are words, names of
   code, quoted text, paths and addresses one word each, every sign of a script without blanks is one. Rules and texts alike. #}
{% macro spoken_words(text) -%}
    ' ' || trim({{ replaced(
        replaced(
            replaced(
                replaced(
                    replaced(
                        replaced("replace(lower(" ~ text ~ "), chr(8217), chr(39))", "'`[^`\\n]*`|\"[^\"\\n]{3,}\"'", "' xcode '"),
                        "'https?://[^ \\n]+'", "' xurl '"
                    ),
                    "'[^ \\n]*(?:/[^ \\n]*){2,}|[^ \\n]+\\.[a-z]{1,4}\\b'", "' xpath '"
                ),
                "'([\\x{3040}-\\x{30ff}\\x{3400}-\\x{9fff}])'", "' \\1 '"
            ),
            "'\\?'", "' ? '"
        ),
        "'[^\\p{L}\\p{N}''?]+'", "' '"
    ) }}) || ' '
{%- endmacro %}


{# Lower ('-') or upper ('+') bound of the 95 % Wilson interval of `hits` out of `tries`; null without tries. #}
{% macro wilson_bound(hits, tries, sign) -%}
    {%- set z = 1.959964 -%}
    {%- set n = 'cast(nullif(' ~ tries ~ ', 0) as double)' -%}
    round(
        (
            {{ hits }} + {{ z * z / 2 }}
            {{ sign }} {{ z }} * sqrt({{ hits }} * ({{ n }} - {{ hits }}) / {{ n }} + {{ z * z / 4 }})
        ) / ({{ n }} + {{ z * z }}),
        6
    )
{%- endmacro %}
