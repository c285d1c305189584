{{ config(materialized='view') }}

with episodes as (

    select * from {{ ref('episodes') }}

),

tool_calls as (

    select * from {{ ref('tool_calls') }}
    where session_id = root_session_id

),

messages as (

    select * from {{ ref('messages') }}
    where kind = 'assistant'

),

final as (

    select
        -- ids
        episodes.episode_id,
        row_number() over (
            partition by episodes.episode_id
            order by tool_calls.record_index, tool_calls.block_index
        ) as action_index,
        episodes.project_id,
        episodes.session_id,
        episodes.turn_index,
        tool_calls.tool_use_id,
        tool_calls.sent_at as timestamp,

        -- what the agent did in this step
        {{ json_object([
            ('tool', json_scalar('tool_calls.tool_name')),
            ('parameters', "coalesce(" ~ json_or_scalar('tool_calls.input') ~ ", 'null')"),
            ('reasoning', json_scalar(
                "nullif(concat_ws(chr(10) || chr(10), nullif(messages.reasoning, ''), nullif(messages.text, '')), '')"
            )),
            ('action_id', json_scalar('tool_calls.action_id')),
        ]) }} as claude_action,

        -- the same, flat
        tool_calls.tool_name as tool,
        tool_calls.action_id,
        tool_calls.action_ids,
        tool_calls.target,
        tool_calls.error_kind,
        episodes.phase_label,
        episodes.reaction_type,
        episodes.reaction_confidence,

        -- booleans
        tool_calls.is_error,
        tool_calls.is_rejected,
        tool_calls.has_test_run,
        episodes.is_complete

    from episodes
    inner join tool_calls
        on episodes.session_id = tool_calls.root_session_id
        and episodes.turn_index = tool_calls.root_turn_index
    left join messages
        on tool_calls.session_id = messages.session_id
        and tool_calls.message_id = messages.message_id

)

select * from final
