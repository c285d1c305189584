{{ config(materialized='incremental') }}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where {{ in_changed_sessions() }}

),

actions as (

    select * from {{ ref('int_tool_calls__actions') }}
    where {{ in_changed_sessions() }}

),

blocks as (

    select * from {{ ref('stg_claude_code__content_blocks') }}
    where block_type in ('tool_use', 'tool_result') and {{ in_changed_sessions() }}

),

sessions as (

    select * from {{ ref('int_sessions__states') }}

),

final as (

    select
        -- ids
        calls.tool_use_id,
        calls.session_id,
        calls.root_session_id,
        sessions.project_id,
        calls.message_id,
        calls.spawned_agent_id,
        calls.announced_commit_sha,

        -- text
        calls.provenance,
        calls.tool_name,
        calls.target,
        calls.file_path,
        calls.search_path,
        calls.command,
        uses.tool_input as input,
        results.result_text,
        calls.error_kind,
        actions.action_id,
        actions.action_ids,
        calls.content_hash,

        -- numbers
        calls.root_turn_index,
        calls.use_line_number as line_number,
        calls.record_index,
        calls.use_block_index as block_index,
        calls.result_record_index,
        calls.duration_ms,

        -- booleans
        calls.has_result,
        calls.is_error,
        calls.is_failure,
        calls.is_rejected,
        calls.is_interrupted,
        actions.has_test_run,

        -- times
        calls.sent_at,
        calls.answered_at

    from calls
    inner join sessions
        on calls.root_session_id = sessions.root_session_id
    inner join actions
        on calls.use_file_id = actions.file_id
        and calls.use_line_number = actions.line_number
        and calls.use_block_index = actions.block_index
    inner join blocks as uses
        on calls.use_file_id = uses.file_id
        and calls.use_line_number = uses.line_number
        and calls.use_block_index = uses.block_index
    left join blocks as results
        on calls.result_file_id = results.file_id
        and calls.result_line_number = results.line_number
        and calls.result_block_index = results.block_index

)

select * from final
