{#
  Every difference between engines, in one file. DuckDB is the default; another engine adds `<adapter>__<macro>`.
  Models use these macros instead of an engine's own words.
#}


{# Text with an ISO 8601 time and any offset → UTC timestamp without a zone; null where it is no time.
   (DuckDB's plain cast to timestamp drops the offset.) #}
{% macro utc_timestamp(text) -%}
    {{ return(adapter.dispatch('utc_timestamp', 'ope')(text)) }}
{%- endmacro %}

{% macro duckdb__utc_timestamp(text) -%}
    case
        -- 'infinity' and the years after 9999 are times for DuckDB, but for nobody else
        when {{ text }} like '____-__-__%' then (try_cast({{ text }} as timestamptz) at time zone 'UTC')
    end
{%- endmacro %}


{# Whole milliseconds from `started` to `ended`. #}
{% macro ms_between(started, ended) -%}
    {{ return(adapter.dispatch('ms_between', 'ope')(started, ended)) }}
{%- endmacro %}

{% macro duckdb__ms_between(started, ended) -%}
    date_diff('millisecond', {{ started }}, {{ ended }})
{%- endmacro %}


{# Several values of one JSON text, parsed once: an array of texts in the order of `paths`; missing → null.
   `guard` is a condition that is true where the text is known to be JSON. #}
{% macro json_values(json, paths, guard='true') -%}
    {{ return(adapter.dispatch('json_values', 'ope')(json, paths, guard)) }}
{%- endmacro %}

{% macro duckdb__json_values(json, paths, guard) -%}
    case when {{ guard }} then json_extract_string({{ json }}, ['{{ paths | join("', '") }}']) end
{%- endmacro %}


{# One value of a JSON text as text; null where the text is no JSON. #}
{% macro json_value(json, path) -%}
    {{ return(adapter.dispatch('json_value', 'ope')(json, path)) }}
{%- endmacro %}

{% macro duckdb__json_value(json, path) -%}
    case when json_valid({{ json }}) then json_extract_string({{ json }}, '{{ path }}') end
{%- endmacro %}


{# Like `json_values`, but each value stays JSON text: a text keeps its quotes, so that it is told apart from an array. #}
{% macro json_documents(json, paths, guard='true') -%}
    {{ return(adapter.dispatch('json_documents', 'ope')(json, paths, guard)) }}
{%- endmacro %}

{% macro duckdb__json_documents(json, paths, guard) -%}
    case when {{ guard }} then json_extract({{ json }}, ['{{ paths | join("', '") }}']) end
{%- endmacro %}


{# Names of the fields of the JSON objects at `paths`: JSON text of an array with an array for each of them, null where
   there is no object; null where `guard` is not true. #}
{% macro json_field_names(json, paths, guard='true') -%}
    {{ return(adapter.dispatch('json_field_names', 'ope')(json, paths, guard)) }}
{%- endmacro %}

{% macro duckdb__json_field_names(json, paths, guard) -%}
    case when {{ guard }} then cast(to_json(json_keys({{ json }}, ['{{ paths | join("', '") }}'])) as varchar) end
{%- endmacro %}


{# Elements of a JSON array as an array of JSON texts; null where the JSON text is no array. #}
{% macro json_elements(json) -%}
    {{ return(adapter.dispatch('json_elements', 'ope')(json)) }}
{%- endmacro %}

{% macro duckdb__json_elements(json) -%}
    case when {{ json }} like '[%' then json_extract({{ json }}, '$[*]') end
{%- endmacro %}


{# The texts at a wildcard path of a JSON text, joined. #}
{% macro json_joined(json, path, separator) -%}
    {{ return(adapter.dispatch('json_joined', 'ope')(json, path, separator)) }}
{%- endmacro %}

{% macro duckdb__json_joined(json, path, separator) -%}
    nullif(array_to_string(json_extract_string({{ json }}, '{{ path }}'), {{ separator }}), '')
{%- endmacro %}


{# A value as JSON text: a text in quotes with everything escaped; null → null. #}
{% macro json_scalar(value) -%}
    {{ return(adapter.dispatch('json_scalar', 'ope')(value)) }}
{%- endmacro %}

{% macro duckdb__json_scalar(value) -%}
    coalesce(cast(to_json({{ value }}) as varchar), 'null')
{%- endmacro %}


{# Text that may be JSON already, as JSON text: what is no JSON becomes a JSON string. #}
{% macro json_or_scalar(text) -%}
    {{ return(adapter.dispatch('json_or_scalar', 'ope')(text)) }}
{%- endmacro %}

{% macro duckdb__json_or_scalar(text) -%}
    case
        when not json_valid({{ text }}) then {{ json_scalar(text) }}
        -- NaN and Infinity, outside of quotes, are JSON for DuckDB, but for nobody else
        when (contains({{ text }}, 'NaN') or contains({{ text }}, 'Infinity'))
            and regexp_matches(regexp_replace({{ text }}, '"(?:[^"\\]|\\.)*"', '', 'g'), 'NaN|Infinity')
            then {{ json_scalar(text) }}
        else {{ text }}
    end
{%- endmacro %}


{# JSON text of an object. `pairs`: (key, SQL expression that is JSON text and never null). #}
{% macro json_object(pairs) -%}
    concat(
        {%- for key, value in pairs -%}
            '{{ '{' if loop.first else ',' }}"{{ key }}":', {{ value }}, {% if loop.last %}'}'{% endif %}
        {%- endfor -%}
    )
{%- endmacro %}


{# JSON text of the array of a group's JSON texts in a stated order; '[]' for an empty group. #}
{% macro json_array_of(elements, order_by) -%}
    concat('[', coalesce({{ ordered_text(elements, "','", order_by) }}, ''), ']')
{%- endmacro %}


{# Rows of `relation` times the elements of its array column: adds `element` and `element_index` (from 1). #}
{% macro explode(relation, array_column) -%}
    {{ return(adapter.dispatch('explode', 'ope')(relation, array_column)) }}
{%- endmacro %}

{% macro duckdb__explode(relation, array_column) -%}
    (
        select
            *,
            unnest({{ array_column }}) as element,
            generate_subscripts({{ array_column }}, 1) as element_index
        from {{ relation }}
    )
{%- endmacro %}


{# Lines of a text as an array. #}
{% macro split_lines(text) -%}
    {{ return(adapter.dispatch('split_lines', 'ope')(text)) }}
{%- endmacro %}

{% macro duckdb__split_lines(text) -%}
    string_split({{ text }}, chr(10))
{%- endmacro %}


{# Parts of a text between separators as an array. `separator`: the separator itself, no pattern. #}
{% macro split_text(text, separator) -%}
    {{ return(adapter.dispatch('split_text', 'ope')(text, separator)) }}
{%- endmacro %}

{% macro duckdb__split_text(text, separator) -%}
    string_split({{ text }}, '{{ separator }}')
{%- endmacro %}


{# When the statement runs, UTC: for columns that say when a row was built. #}
{% macro build_time() -%}
    {{ return(adapter.dispatch('build_time', 'ope')()) }}
{%- endmacro %}

{% macro duckdb__build_time() -%}
    cast(now() at time zone 'UTC' as timestamp)
{%- endmacro %}


{# The n-th element (from 1) of an array. #}
{% macro element_at(array, position) -%}
    {{ return(adapter.dispatch('element_at', 'ope')(array, position)) }}
{%- endmacro %}

{% macro duckdb__element_at(array, position) -%}
    ({{ array }})[{{ position }}]
{%- endmacro %}


{# Number of elements of an array; null for null. #}
{% macro array_length(array) -%}
    {{ return(adapter.dispatch('array_length', 'ope')(array)) }}
{%- endmacro %}

{% macro duckdb__array_length(array) -%}
    len({{ array }})
{%- endmacro %}


{# Texts of a group joined in a stated order. #}
{% macro ordered_text(text, separator, order_by) -%}
    {{ return(adapter.dispatch('ordered_text', 'ope')(text, separator, order_by)) }}
{%- endmacro %}

{% macro duckdb__ordered_text(text, separator, order_by) -%}
    string_agg({{ text }}, {{ separator }} order by {{ order_by }})
{%- endmacro %}


{# One text that stands for the set of a group's texts, whatever their order: equal sets have equal ones. The texts of a
   group are distinct. #}
{% macro set_fingerprint(text) -%}
    {{ return(adapter.dispatch('set_fingerprint', 'ope')(text)) }}
{%- endmacro %}

{% macro duckdb__set_fingerprint(text) -%}
    concat_ws(':', count(*), sum(md5_number_lower({{ text }})))
{%- endmacro %}


{# Array of all parts of a text that match a constant regular expression (RE2 and Java). #}
{% macro all_matches(text, pattern) -%}
    {{ return(adapter.dispatch('all_matches', 'ope')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__all_matches(text, pattern) -%}
    regexp_extract_all({{ text }}, {{ pattern }})
{%- endmacro %}


{# Array of what one group of a regular expression (RE2 and Java), of each row, matches in a text. #}
{% macro group_matches(text, pattern, group) -%}
    {{ return(adapter.dispatch('group_matches', 'ope')(text, pattern, group)) }}
{%- endmacro %}

{% macro duckdb__group_matches(text, pattern, group) -%}
    regexp_extract_all({{ text }}, {{ pattern }}, {{ group }})
{%- endmacro %}


{# One of `buckets` whole numbers from 0, by a hash of the text: the same on every machine and engine. #}
{% macro bucket_of(text, buckets) -%}
    {{ return(adapter.dispatch('bucket_of', 'ope')(text, buckets)) }}
{%- endmacro %}

{% macro duckdb__bucket_of(text, buckets) -%}
    cast('0x' || left(md5({{ text }}), 8) as bigint) % {{ buckets }}
{%- endmacro %}


{# A constant text as an SQL literal. #}
{% macro text_literal(value) -%}
    '{{ value | replace("'", "''") }}'
{%- endmacro %}


{# True where the regular expression (RE2 and Java syntax) occurs in the text. #}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches', 'ope')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}


{# Text with every match of the regular expression (RE2 and Java syntax) replaced; `\1` in the replacement is the first
   group. #}
{% macro replaced(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('replaced', 'ope')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro duckdb__replaced(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ pattern }}, {{ replacement }}, 'g')
{%- endmacro %}


{# True where the text begins with, or ends with, another. In words that every engine has. #}
{% macro begins_with(text, start) -%}
    (left({{ text }}, length({{ start }})) = {{ start }})
{%- endmacro %}

{% macro finishes_with(text, end) -%}
    (right({{ text }}, length({{ end }})) = {{ end }})
{%- endmacro %}


{# Weekday of a timestamp, 1 = Monday. #}
{% macro iso_weekday(timestamp) -%}
    {{ return(adapter.dispatch('iso_weekday', 'ope')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(timestamp) -%}
    extract(isodow from {{ timestamp }})
{%- endmacro %}


{# A UTC timestamp on the clock of variable `report_timezone`. #}
{% macro report_time(timestamp) -%}
    {{ return(adapter.dispatch('report_time', 'ope')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__report_time(timestamp) -%}
    timezone({{ text_literal(var('report_timezone')) }}, timezone('UTC', {{ timestamp }}))
{%- endmacro %}


{# One row for each day from one date to another; none where one of them is null. #}
{% macro each_day(first_day, last_day) -%}
    {{ return(adapter.dispatch('each_day', 'ope')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__each_day(first_day, last_day) -%}
    cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date)
{%- endmacro %}


{# Bytes of a text in UTF-8. #}
{% macro byte_length(text) -%}
    {{ return(adapter.dispatch('byte_length', 'ope')(text)) }}
{%- endmacro %}

{% macro duckdb__byte_length(text) -%}
    strlen({{ text }})
{%- endmacro %}


{# A version such as 2.1.59 as one comparable number; null where it has no three numeric parts. #}
{% macro version_number(version) -%}
    (
        try_cast(split_part({{ version }}, '.', 1) as bigint) * 1000000
        + try_cast(split_part({{ version }}, '.', 2) as bigint) * 10000
        + try_cast(split_part({{ version }}, '.', 3) as bigint)
    )
{%- endmacro %}


{#
  DDL of a table with an enforced contract. A column with `meta: {compression: zstd}` is stored so:
  session text shrinks to a tenth. (DuckDB does not choose zstd by itself.)
#}
{% macro duckdb__get_table_columns_and_constraints() -%}
    {%- set definitions = adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
    {%- set columns = model['columns'].values() | list -%}
    (
    {% for definition in definitions %}
        {%- set meta = columns[loop.index0].get('config', {}).get('meta', {}) -%}
        {{ definition }}{{ ' using compression ' ~ meta.compression if meta.compression }}{{ ',' if not loop.last }}
    {% endfor %}
    )
{%- endmacro %}
