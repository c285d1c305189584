{{ config(materialized='incremental') }}

with messages as (

    select * from {{ ref('int_messages__typed') }}
    where {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

sessions as (

    select * from {{ ref('int_sessions__states') }}

),

final as (

    select
        -- ids
        messages.message_id,
        messages.message_uuid,
        messages.session_id,
        messages.root_session_id,
        sessions.project_id,
        messages.file_id,

        -- text
        messages.role,
        messages.kind,
        messages.provenance,
        messages.model,
        messages.stop_reason,
        messages.text,
        messages.reasoning,

        -- numbers
        line_turns.root_turn_index,
        messages.line_number,
        messages.record_index,
        messages.tool_uses,

        -- booleans
        messages.is_human,
        messages.has_image,

        -- times
        messages.sent_at,
        messages.ended_at

    from messages
    inner join line_turns
        on messages.file_id = line_turns.file_id
        and messages.line_number = line_turns.line_number
    inner join sessions
        on messages.root_session_id = sessions.root_session_id

)

select * from final
