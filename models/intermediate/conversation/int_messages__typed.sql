{{ config(materialized='incremental') }}

with counted as (

    select * from {{ ref('int_records__counted') }}
    where {{ in_changed_sessions() }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

blocks as (

    select * from {{ ref('stg_claude_code__content_blocks') }}
    where {{ in_changed_sessions() }}

),

attachments as (

    select * from {{ ref('stg_claude_code__attachments') }}
    where attachment_type = 'queued_command' and {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('message_kind_rules') }}

),

message_records as (

    select
        counted.*,
        records.model,
        records.stop_reason,
        records.has_plan,
        records.is_meta,
        records.is_compact_summary,
        records.is_api_error,
        coalesce(records.origin_kind not in ('human'), false)
        or coalesce(records.prompt_source = 'system', false) as has_machine_origin

    from counted
    inner join records
        on counted.file_id = records.file_id
        and counted.line_number = records.line_number
    where counted.message_type in ('user', 'assistant')

),

messages as (

    select
        root_session_id,
        session_id,
        message_id,
        message_type as role,
        min_by(uuid, record_index) as message_uuid,
        min_by(file_id, record_index) as file_id,
        min_by(line_number, record_index) as line_number,
        min(record_index) as record_index,
        min_by(provenance, record_index) as provenance,
        max(case when message_type = 'assistant' then model end) as model,
        max_by(stop_reason, record_index) as stop_reason,
        bool_or(has_plan) as has_plan,
        bool_or(is_meta) as is_meta,
        bool_or(is_compact_summary) as is_compact_summary,
        bool_or(is_api_error) as is_api_error,
        bool_or(has_machine_origin) as has_machine_origin,
        min(sent_at) as sent_at,
        max(sent_at) as ended_at

    from message_records
    group by root_session_id, session_id, message_id, message_type

),

contents as (

    select
        message_records.root_session_id,
        message_records.session_id,
        message_records.message_id,
        message_records.message_type as role,
        {{ ordered_text(
            "case when blocks.block_type = 'text' then blocks.block_text end",
            "chr(10) || chr(10)",
            'message_records.record_index, blocks.block_index'
        ) }} as text,
        {{ ordered_text(
            "case when blocks.block_type = 'thinking' then nullif(blocks.block_text, '') end",
            "chr(10) || chr(10)",
            'message_records.record_index, blocks.block_index'
        ) }} as reasoning,
        count(*) filter (
            where blocks.block_type = 'tool_use' and message_records.message_type = 'assistant'
        ) as tool_uses,
        bool_or(blocks.block_type = 'tool_result') as has_tool_result,
        bool_or(blocks.block_type = 'image') as has_image

    from message_records
    inner join blocks
        on message_records.file_id = blocks.file_id
        and message_records.line_number = blocks.line_number
    group by
        message_records.root_session_id, message_records.session_id,
        message_records.message_id, message_records.message_type

),

queued as (

    select
        counted.*,
        attachments.prompt,
        attachments.command_mode,
        attachments.origin_kind,
        row_number() over (
            partition by counted.session_id, counted.message_id
            order by counted.record_index
        ) as id_rank

    from counted
    inner join attachments
        on counted.file_id = attachments.file_id
        and counted.line_number = attachments.line_number

),

conversation as (

    select
        messages.*,
        contents.text,
        contents.reasoning,
        coalesce(contents.tool_uses, 0) as tool_uses,
        coalesce(contents.has_tool_result, false) as has_tool_result,
        coalesce(contents.has_image, false) as has_image,
        false as is_queued

    from messages
    left join contents
        on messages.session_id = contents.session_id
        and messages.message_id = contents.message_id
        and messages.role = contents.role

    union all

    -- prompts typed while the agent worked exist as attachments only
    select
        queued.root_session_id,
        queued.session_id,
        case
            when queued.id_rank = 1 and messages.message_id is null then queued.message_id
            -- an id that another message bears: its place is its id
            else queued.file_id || ':' || queued.line_number
        end as message_id,
        'user' as role,
        queued.uuid as message_uuid,
        queued.file_id,
        queued.line_number,
        queued.record_index,
        queued.provenance,
        null as model,
        null as stop_reason,
        false as has_plan,
        false as is_meta,
        false as is_compact_summary,
        false as is_api_error,
        coalesce(queued.command_mode != 'prompt', false)
        or coalesce(queued.origin_kind != 'human', false) as has_machine_origin,
        queued.sent_at,
        queued.sent_at as ended_at,
        queued.prompt as text,
        null as reasoning,
        0 as tool_uses,
        false as has_tool_result,
        false as has_image,
        true as is_queued

    from queued
    left join messages
        on queued.session_id = messages.session_id
        and queued.message_id = messages.message_id
        and messages.role = 'user'

),

matched_rules as (

    select
        conversation.session_id,
        conversation.message_id,
        conversation.role,
        min_by(rules.message_kind, rules.priority) as kind,
        min_by(rules.is_human, rules.priority) as is_human,
        min_by(rules.starts_turn, rules.priority) as starts_turn

    from conversation
    inner join rules
        on case rules.requires
            when 'any' then not conversation.is_queued
            when 'tool_result' then conversation.has_tool_result
            when 'subagent' then conversation.provenance != 'assistant'
            when 'compact_summary' then conversation.is_compact_summary
            when 'machine_origin' then conversation.has_machine_origin and not conversation.is_queued
            when 'plan' then conversation.has_plan
            when 'meta' then conversation.is_meta
            when 'queued_notification' then conversation.is_queued and conversation.has_machine_origin
            when 'queued_prompt' then conversation.is_queued
            when 'image' then conversation.has_image
        end
        and (rules.pattern is null or {{ matches('conversation.text', 'rules.pattern') }})
    where conversation.role = 'user'
    group by conversation.session_id, conversation.message_id, conversation.role

),

final as (

    select
        -- ids
        conversation.root_session_id,
        conversation.session_id,
        conversation.message_id,
        conversation.message_uuid,
        conversation.file_id,

        -- text
        conversation.role,
        case
            when conversation.role = 'user' then coalesce(matched_rules.kind, 'unknown')
            when conversation.is_api_error then 'api_error'
            when conversation.model in ('{{ var("synthetic_models") | join("', '") }}') then 'synthetic'
            else 'assistant'
        end as kind,
        conversation.provenance,
        conversation.model,
        conversation.stop_reason,
        conversation.text,
        conversation.reasoning,

        -- numbers
        conversation.line_number,
        conversation.record_index,
        conversation.tool_uses,

        -- booleans
        coalesce(matched_rules.is_human, false) as is_human,
        coalesce(matched_rules.starts_turn, false) as starts_turn,
        conversation.has_image,

        -- times
        conversation.sent_at,
        conversation.ended_at

    from conversation
    left join matched_rules
        on conversation.session_id = matched_rules.session_id
        and conversation.message_id = matched_rules.message_id
        and conversation.role = matched_rules.role

)

select * from final
