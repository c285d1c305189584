-- Rules are data that people edit: each regular expression must be one (RE2), each rule must name a field and a way of
-- comparing that the models know, and every list of rules must end in one that always fits.
with patterns as (

    {% for seed in [
        'message_kind_rules',
        'tool_error_rules',
        'bot_authors',
        'action_rules',
        'test_result_rules',
        'directive_rules',
        'reaction_rules',
        'file_change_rules',
    ] %}
        select
            '{{ seed }}' as seed,
            pattern

        from {{ ref(seed) }}
        where pattern is not null

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

    union all

    select
        'file_change_rules' as seed,
        unless_pattern as pattern

    from {{ ref('file_change_rules') }}
    where unless_pattern is not null

),

attribution as (

    select * from {{ ref('ai_attribution') }}

),

record_types as (

    select * from {{ ref('record_types') }}

),

failures as (

    select
        'valid regular expression' as expectation,
        seed,
        pattern as subject

    from patterns
    -- try() turns the error of a bad expression into null
    where try(regexp_matches('', pattern)) is null

    union all

    select
        'known field and match' as expectation,
        'ai_attribution' as seed,
        rule_id as subject

    from attribution
    where
        field not in (
            'author_name', 'author_email', 'committer_name', 'committer_email', 'message', 'co_author', 'assisted_by'
        )
        or match not in ('equals', 'contains', 'starts_with', 'ends_with')

    union all

    select
        'lower case, because all is compared in lower case' as expectation,
        'ai_attribution' as seed,
        rule_id as subject

    from attribution
    where pattern != lower(pattern)

    union all

    select
        'a program or a tool or a pattern, and not both of the former' as expectation,
        'action_rules' as seed,
        cast(priority as {{ dbt.type_string() }}) as subject

    from {{ ref('action_rules') }}
    where coalesce(tool_name, program, pattern) is null or (tool_name is not null and program is not null)

    union all

    select
        'a method that the way of naming files can have' as expectation,
        'file_change_rules' as seed,
        cast(priority as {{ dbt.type_string() }}) as subject

    from {{ ref('file_change_rules') }}
    where (paths = 'patch') != (change_method = 'patch') or (paths = 'last' and change_method != 'command')

    union all

    select
        'a pattern that is tried only where its keyword is found' as expectation,
        'test_result_rules' as seed,
        cast(priority as {{ dbt.type_string() }}) as subject

    from {{ ref('test_result_rules') }}
    where coalesce(keyword, '') = '' or coalesce(pattern, '') = '' or status not in ('passed', 'failed', 'unknown')

    union all

    select
        'listed once' as expectation,
        'record_types' as seed,
        concat_ws(' ', record_type, record_subtype) as subject

    from record_types
    group by record_type, record_subtype
    having count(*) > 1

    union all

    select
        'a last rule that always fits' as expectation,
        'message_kind_rules' as seed,
        'human_prompt' as subject

    from {{ ref('message_kind_rules') }}
    having max_by(requires, priority) != 'any' or max_by(coalesce(pattern, ''), priority) != ''

    union all

    select
        'a last rule that always fits' as expectation,
        'tool_error_rules' as seed,
        'other' as subject

    from {{ ref('tool_error_rules') }}
    having max_by(coalesce(pattern, ''), priority) != ''

)

select * from failures
