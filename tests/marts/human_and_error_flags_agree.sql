-- A flag and the kind that it sums up say the same: who is human by the rules of the seed, what is an error, what is a
-- rejection; and only the agent calls tools and names a model.
with rules as (

    select
        message_kind,
        bool_or(is_human) as is_human

    from {{ ref('message_kind_rules') }}
    group by message_kind

),

messages as (

    select * from {{ ref('messages') }}

),

tool_calls as (

    select * from {{ ref('tool_calls') }}

),

failures as (

    select
        'is_human as the kind says' as expectation,
        messages.session_id,
        messages.message_id as subject

    from messages
    left join rules
        on messages.role = 'user'
        and messages.kind = rules.message_kind
    where messages.is_human != coalesce(rules.is_human, false)

    union all

    select
        'only the agent calls tools and has a model' as expectation,
        session_id,
        message_id as subject

    from messages
    where role = 'user' and (tool_uses > 0 or model is not null)

    union all

    select
        'an error has a kind, and only an answer can be one' as expectation,
        session_id,
        tool_use_id as subject

    from tool_calls
    where is_error != (error_kind is not null) or (is_error and not has_result) or (is_rejected and not is_error)

    union all

    select
        'what an answer brings is null without one' as expectation,
        session_id,
        tool_use_id as subject

    from tool_calls
    where not has_result and (result_text is not null or duration_ms is not null or answered_at is not null)

)

select * from failures
