{{ config(materialized='incremental', meta={'states': ['int_sessions__link_states']}) }}

with identities as (

    select * from {{ ref('int_sessions__identities') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

states as (

    select * from {{ ref('int_sessions__link_states') }}

),

activity as (

    select * from {{ ref('int_sessions__activity') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

titles as (

    select * from {{ ref('int_sessions__titles') }}

),

messages as (

    select * from {{ ref('int_messages__typed') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

tool_calls as (

    select * from {{ ref('tool_calls') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

token_usage as (

    select * from {{ ref('token_usage') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

message_counts as (

    select
        session_id,
        count(*) as messages,
        count(*) filter (where is_human) as human_messages,
        count(*) filter (where starts_turn) as turns,
        count(*) filter (where kind in ('interrupt', 'interrupt_tool')) as interruptions,
        min_by(text, record_index) filter (where starts_turn) as first_prompt

    from messages
    group by session_id

),

tool_counts as (

    select
        session_id,
        count(*) as tool_calls,
        count(*) filter (where is_error) as tool_errors,
        count(*) filter (where is_rejected) as rejections,
        count(*) filter (where not has_result) as unanswered_tool_calls

    from tool_calls
    group by session_id

),

model_tokens as (

    select
        *,
        sum(total_tokens) over (partition by session_id, model) as model_tokens

    from token_usage

),

token_counts as (

    select
        session_id,
        count(*) as api_responses,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(total_tokens) as total_tokens,
        sum(cost_usd) as cost_usd,
        bool_and(is_final) as is_final,
        bool_and(is_priced) as is_priced,
        max_by(model, (model_tokens, model)) as main_model

    from model_tokens
    group by session_id

),

-- What the whole of a top-level session came to; a subagent's own sums are all of its sums.
rolled_up as (

    select
        coalesce(identities.parent_session_id, identities.session_id) as session_id,
        count(identities.parent_session_id) as subagents,
        sum(tool_counts.tool_calls) as tool_calls,
        sum(token_counts.total_tokens) as total_tokens,
        sum(token_counts.cost_usd) as cost_usd,
        count(token_counts.session_id) as sessions_with_usage

    from identities
    left join tool_counts
        on identities.session_id = tool_counts.session_id
    left join token_counts
        on identities.session_id = token_counts.session_id
    group by coalesce(identities.parent_session_id, identities.session_id)

),

final as (

    select
        -- ids
        identities.session_id,
        identities.root_session_id,
        identities.parent_session_id,
        states.project_id,
        identities.spawned_by_tool_use_id,

        -- text
        'claude-code' as agent,
        identities.subagent_type,
        coalesce(titles.title, identities.subagent_description) as title,
        message_counts.first_prompt,
        activity.first_cwd,
        activity.git_branches,
        activity.first_agent_version,
        activity.last_agent_version,
        token_counts.main_model,
        activity.pr_url,
        case
            when coalesce(activity.records, 0) = 0 then 'empty'
            when identities.malformed_lines > 0 then 'malformed lines'
            when coalesce(tool_counts.unanswered_tool_calls, 0) > 0 then 'unanswered tool calls'
            else 'complete'
        end as completeness,

        -- numbers
        identities.file_versions,
        identities.lines,
        identities.bytes,
        identities.malformed_lines,
        coalesce(activity.records, 0) as records,
        coalesce(activity.working_directories, 0) as working_directories,
        coalesce(activity.compactions, 0) as compactions,
        cast(floor(coalesce(activity.active_ms, 0) / 1000) as bigint) as active_seconds,
        coalesce(message_counts.messages, 0) as messages,
        coalesce(message_counts.human_messages, 0) as human_messages,
        coalesce(message_counts.turns, 0) as turns,
        coalesce(message_counts.interruptions, 0) as interruptions,
        coalesce(tool_counts.tool_calls, 0) as tool_calls,
        coalesce(tool_counts.tool_errors, 0) as tool_errors,
        coalesce(tool_counts.rejections, 0) as rejections,
        coalesce(tool_counts.unanswered_tool_calls, 0) as unanswered_tool_calls,
        coalesce(token_counts.api_responses, 0) as api_responses,
        cast(coalesce(token_counts.input_tokens, 0) as bigint) as input_tokens,
        cast(coalesce(token_counts.output_tokens, 0) as bigint) as output_tokens,
        cast(coalesce(token_counts.cache_read_tokens, 0) as bigint) as cache_read_tokens,
        cast(coalesce(token_counts.cache_write_5m_tokens, 0) as bigint) as cache_write_5m_tokens,
        cast(coalesce(token_counts.cache_write_1h_tokens, 0) as bigint) as cache_write_1h_tokens,
        cast(coalesce(token_counts.total_tokens, 0) as bigint) as total_tokens,
        -- nothing used costs nothing; used, but all of it without a price, is unknown
        cast(
            case when token_counts.session_id is null then 0 else token_counts.cost_usd end as decimal(18, 8)
        ) as cost_usd,
        coalesce(rolled_up.subagents, 0) as subagents,
        case when identities.parent_session_id is null then states.linked_commits else 0 end as linked_commits,
        cast(
            coalesce(rolled_up.tool_calls, tool_counts.tool_calls, 0) as bigint
        ) as tool_calls_with_subagents,
        cast(
            coalesce(rolled_up.total_tokens, token_counts.total_tokens, 0) as bigint
        ) as total_tokens_with_subagents,
        cast(
            case
                when coalesce(rolled_up.sessions_with_usage, 0) = 0 and token_counts.session_id is null then 0
                else coalesce(rolled_up.cost_usd, token_counts.cost_usd)
            end as decimal(18, 8)
        ) as cost_usd_with_subagents,

        -- booleans
        identities.parent_session_id is not null as is_subagent,
        identities.has_file,
        coalesce(token_counts.is_final, true) as has_final_tokens,
        coalesce(token_counts.is_priced, true) as is_priced,

        -- times
        activity.started_at,
        activity.ended_at

    from identities
    inner join states
        on identities.root_session_id = states.root_session_id
    left join activity
        on identities.session_id = activity.session_id
    left join titles
        on identities.session_id = titles.session_id
    left join message_counts
        on identities.session_id = message_counts.session_id
    left join tool_counts
        on identities.session_id = tool_counts.session_id
    left join token_counts
        on identities.session_id = token_counts.session_id
    left join rolled_up
        on identities.session_id = rolled_up.session_id

)

select * from final
