{#
  The engine's check in SQL, for the secrets that RE2 alone decides: rules of kind `token` in seed `redaction_rules`.

  One constant pattern, put together of the rules' prefilters when the project is compiled, reads every text once; only
  what it finds is looked at rule by rule (a pattern that differs from row to row costs a hundred times as much).
#}


{# Condition: may the text hold a secret? All the prefilters in one pattern; true for all texts of a unit test. #}
{% macro may_hold_a_secret(text) -%}
    {%- if model.resource_type == 'unit_test' or not execute -%}
        {{ text }} is not null
    {%- else -%}
        {%- set seed = graph.nodes['seed.ope.redaction_rules'] -%}
        {%- set patterns = 'select null' -%}
        {%- if adapter.get_relation(seed.database, seed.schema, seed.name) -%}
            {%- set patterns -%}
                select string_agg('(?:' || prefilter || ')', '|' order by rule_id) from {{ seed.relation_name }}
                where class = 'secret' and kind = 'token'
            {%- endset -%}
        {%- endif -%}
        {#- before the seed is built, when it is only compiled, there is no rule yet -#}
        {{ matches(text, text_literal(run_query(patterns).rows[0][0] or '')) }}
    {%- endif -%}
{%- endmacro %}


{#
  Subquery: one row per secret in the column `text` of `texts` (the name of a CTE), with its `columns`, the rule and the
  length of the secret; never the secret itself. `known_by` is a column that is never null: the pattern is asked after
  the rows were chosen, not before.
#}
{% macro exposed_secrets(texts, columns, known_by) -%}
    (
        select
            {{ columns | join(', ') }},
            rule_id,
            length(secret) as secret_characters

        from (
            select
                suspects.*,
                rules.rule_id,
                rules.check_level,
                rules.min_length,
                unnest({{ group_matches('suspects.text', 'rules.pattern', 1) }}) as secret

            from (
                select * from {{ texts }}
                where {{ may_hold_a_secret('case when ' ~ known_by ~ ' is not null then text end') }}
            ) as suspects
            cross join (
                select
                    rule_id,
                    check_level,
                    min_length,
                    -- the engine reads bytes, the database characters
                    replace(pattern, '\x80-\xff', '\x{80}-\x{10ffff}') as pattern

                from {{ ref('redaction_rules') }}
                where class = 'secret' and kind = 'token'
            ) as rules
        ) as found
        where
            length(secret) >= min_length
            and not exists (
                select 1
                from {{ ref('redaction_rules') }} as allowed
                where
                    allowed.kind = 'allow'
                    -- of either as many levels as its row names, separated by blanks
                    and {{ matches(
                        "concat(' ', allowed.check_level, ' ')",
                        "concat(' (?:', replace(found.check_level, ' ', '|'), ') ')"
                    ) }}
                    -- line ends are escaped in a line of JSON
                    and {{ matches(
                        replaced('found.secret', "'\\\\+[nr]'", 'chr(10)'), "concat('^(?:', allowed.pattern, ')$')"
                    ) }}
            )
    )
{%- endmacro %}
