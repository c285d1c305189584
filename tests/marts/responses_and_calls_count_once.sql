-- Over all sessions: each response that the logs have is in `token_usage` once, each tool use that counts once in its
-- session's `tool_calls`, whatever was copied, resumed or echoed; and a response that was paid for can be read.
with logged_responses as (

    select
        response_id,
        bool_and(coalesce(model in ('{{ var("synthetic_models") | join("', '") }}'), false)) as is_synthetic

    from {{ ref('stg_claude_code__usage') }}
    group by response_id

),

token_usage as (

    select * from {{ ref('token_usage') }}

),

usage_counts as (

    select
        response_id,
        count(*) as times

    from token_usage
    group by response_id

),

logged_uses as (

    select distinct
        uses.root_session_id,
        uses.tool_use_id

    from {{ ref('stg_claude_code__tool_uses') }} as uses
    inner join {{ ref('int_records__counted') }} as counted
        on uses.file_id = counted.file_id
        and uses.line_number = counted.line_number

),

call_counts as (

    select
        root_session_id,
        tool_use_id,
        count(*) as times

    from {{ ref('tool_calls') }}
    group by root_session_id, tool_use_id

),

messages as (

    select * from {{ ref('messages') }}
    where role = 'assistant'

),

failures as (

    select
        'response once' as expectation,
        coalesce(logged_responses.response_id, usage_counts.response_id) as subject,
        coalesce(usage_counts.times, 0) as times

    from logged_responses
    full join usage_counts
        on logged_responses.response_id = usage_counts.response_id
    where
        logged_responses.response_id is null
        or coalesce(usage_counts.times, 0) != case when logged_responses.is_synthetic then 0 else 1 end

    union all

    select
        'tool use once' as expectation,
        coalesce(logged_uses.tool_use_id, call_counts.tool_use_id) as subject,
        coalesce(call_counts.times, 0) as times

    from logged_uses
    full join call_counts
        on logged_uses.root_session_id = call_counts.root_session_id
        and logged_uses.tool_use_id = call_counts.tool_use_id
    where logged_uses.tool_use_id is null or coalesce(call_counts.times, 0) != 1

    union all

    select
        'response with its message' as expectation,
        token_usage.response_id as subject,
        1 as times

    from token_usage
    left join messages
        on token_usage.response_id = messages.message_id
    where messages.message_id is null

)

select * from failures
