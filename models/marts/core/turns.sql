{{ config(materialized='incremental') }}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where {{ in_changed_sessions() }}

),

directives as (

    select * from {{ ref('int_turns__directives') }}
    where {{ in_changed_sessions() }}

),

endings as (

    select * from {{ ref('int_turns__endings') }}
    where {{ in_changed_sessions() }}

),

activity as (

    select * from {{ ref('int_turns__activity') }}
    where {{ in_changed_sessions() }}

),

actions as (

    select * from {{ ref('int_turns__actions') }}
    where {{ in_changed_sessions() }}

),

messages as (

    select * from {{ ref('messages') }}
    where {{ in_changed_sessions() }}

),

tool_calls as (

    select * from {{ ref('tool_calls') }}
    where {{ in_changed_sessions() }}

),

token_usage as (

    select * from {{ ref('token_usage') }}
    where {{ in_changed_sessions() }}

),

states as (

    select * from {{ ref('int_sessions__states') }}

),

touch_rules as (

    select * from {{ ref('file_touch_rules') }}

),

message_counts as (

    select
        root_session_id,
        root_turn_index,
        count(*) as messages,
        count(*) filter (where kind = 'assistant') as steps

    from messages
    where session_id = root_session_id
    group by root_session_id, root_turn_index

),

tool_counts as (

    select
        root_session_id,
        root_turn_index,
        count(*) filter (where session_id = root_session_id) as tool_calls,
        count(*) filter (where session_id = root_session_id and is_error) as tool_errors,
        count(*) filter (where session_id = root_session_id and not has_result) as unanswered_tool_calls,
        count(*) as tool_calls_with_subagents

    from tool_calls
    group by root_session_id, root_turn_index

),

file_counts as (

    select
        tool_calls.root_session_id,
        tool_calls.root_turn_index,
        count(distinct tool_calls.file_path) filter (where touch_rules.touch_kind = 'read') as files_read,
        count(distinct tool_calls.file_path) filter (
            where touch_rules.touch_kind in ('edited', 'written')
        ) as files_changed

    from tool_calls
    inner join touch_rules
        on tool_calls.tool_name = touch_rules.tool_name
    where not tool_calls.is_error and tool_calls.has_result
    group by tool_calls.root_session_id, tool_calls.root_turn_index

),

model_tokens as (

    select
        *,
        session_id = root_session_id as is_own,
        sum(total_tokens) over (
            partition by root_session_id, root_turn_index, session_id = root_session_id, model
        ) as model_tokens

    from token_usage

),

token_counts as (

    select
        root_session_id,
        root_turn_index,
        count(*) filter (where is_own) as api_responses,
        sum(input_tokens) filter (where is_own) as input_tokens,
        sum(output_tokens) filter (where is_own) as output_tokens,
        sum(cache_read_tokens) filter (where is_own) as cache_read_tokens,
        sum(cache_write_tokens) filter (where is_own) as cache_write_tokens,
        sum(total_tokens) filter (where is_own) as total_tokens,
        sum(cost_usd) filter (where is_own) as cost_usd,
        sum(total_tokens) as total_tokens_with_subagents,
        sum(cost_usd) as cost_usd_with_subagents,
        bool_and(is_final) as is_final,
        bool_and(is_priced) as is_priced,
        max_by(model, (model_tokens, model)) filter (where is_own) as main_model

    from model_tokens
    group by root_session_id, root_turn_index

),

subagent_counts as (

    select
        root_session_id,
        root_turn_index,
        count(*) as subagents

    from activity
    where session_id != root_session_id
    group by root_session_id, root_turn_index

),

final as (

    select
        -- ids
        prompts.session_id,
        prompts.turn_index,
        prompts.root_session_id,
        states.project_id,
        prompts.prompt_message_id,
        prompts.prompt_uuid,

        -- text
        prompts.kind,
        prompts.prompt,
        directives.directive,
        endings.end_kind,
        actions.action_ids,
        token_counts.main_model,

        -- numbers
        coalesce(length(prompts.prompt), 0) as prompt_characters,
        coalesce(message_counts.messages, 0) as messages,
        coalesce(message_counts.steps, 0) as steps,
        coalesce(tool_counts.tool_calls, 0) as tool_calls,
        coalesce(tool_counts.tool_errors, 0) as tool_errors,
        coalesce(tool_counts.unanswered_tool_calls, 0) as unanswered_tool_calls,
        endings.rejections,
        endings.interruptions,
        coalesce(actions.test_runs, 0) as test_runs,
        coalesce(actions.failed_test_runs, 0) as failed_test_runs,
        coalesce(activity.malformed_lines, 0) as malformed_lines,
        coalesce(file_counts.files_read, 0) as files_read,
        coalesce(file_counts.files_changed, 0) as files_changed,
        cast(floor(coalesce(activity.active_ms, 0) / 1000) as bigint) as active_seconds,
        coalesce(token_counts.api_responses, 0) as api_responses,
        cast(coalesce(token_counts.input_tokens, 0) as bigint) as input_tokens,
        cast(coalesce(token_counts.output_tokens, 0) as bigint) as output_tokens,
        cast(coalesce(token_counts.cache_read_tokens, 0) as bigint) as cache_read_tokens,
        cast(coalesce(token_counts.cache_write_tokens, 0) as bigint) as cache_write_tokens,
        cast(coalesce(token_counts.total_tokens, 0) as bigint) as total_tokens,
        -- nothing used costs nothing; used, but all of it without a price, is unknown
        cast(
            case when coalesce(token_counts.api_responses, 0) = 0 then 0 else token_counts.cost_usd end
            as decimal(18, 8)
        ) as cost_usd,
        coalesce(subagent_counts.subagents, 0) as subagents,
        coalesce(tool_counts.tool_calls_with_subagents, 0) as tool_calls_with_subagents,
        cast(coalesce(token_counts.total_tokens_with_subagents, 0) as bigint) as total_tokens_with_subagents,
        cast(
            case when token_counts.root_session_id is null then 0 else token_counts.cost_usd_with_subagents end
            as decimal(18, 8)
        ) as cost_usd_with_subagents,

        -- booleans
        coalesce(actions.has_test_run, false) as has_test_run,
        coalesce(token_counts.is_final, true) as has_final_tokens,
        coalesce(token_counts.is_priced, true) as is_priced,

        -- times
        coalesce(prompts.sent_at, activity.started_at) as started_at,
        activity.ended_at

    from prompts
    inner join states
        on prompts.root_session_id = states.root_session_id
    inner join endings
        on prompts.session_id = endings.session_id
        and prompts.turn_index = endings.turn_index
    left join directives
        on prompts.session_id = directives.session_id
        and prompts.turn_index = directives.turn_index
    left join activity
        on prompts.session_id = activity.session_id
        and prompts.turn_index = activity.root_turn_index
    left join actions
        on prompts.root_session_id = actions.root_session_id
        and prompts.turn_index = actions.root_turn_index
    left join message_counts
        on prompts.root_session_id = message_counts.root_session_id
        and prompts.turn_index = message_counts.root_turn_index
    left join tool_counts
        on prompts.root_session_id = tool_counts.root_session_id
        and prompts.turn_index = tool_counts.root_turn_index
    left join file_counts
        on prompts.root_session_id = file_counts.root_session_id
        and prompts.turn_index = file_counts.root_turn_index
    left join token_counts
        on prompts.root_session_id = token_counts.root_session_id
        and prompts.turn_index = token_counts.root_turn_index
    left join subagent_counts
        on prompts.root_session_id = subagent_counts.root_session_id
        and prompts.turn_index = subagent_counts.root_turn_index

)

select * from final
