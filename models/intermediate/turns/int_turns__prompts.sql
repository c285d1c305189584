{{ config(materialized='incremental') }}

with messages as (

    select * from {{ ref('int_messages__typed') }}
    where {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

usage_lines as (

    select * from {{ ref('stg_claude_code__usage') }}
    where {{ in_changed_sessions() }}

),

copied_responses as (

    select * from {{ ref('int_records__owners') }}
    where key_kind = 'response' and not is_owner and {{ in_changed_sessions() }}

),

prompts as (

    select
        messages.root_session_id,
        messages.session_id,
        line_turns.root_turn_index as turn_index,
        messages.message_id as prompt_message_id,
        messages.message_uuid as prompt_uuid,
        messages.kind,
        messages.text as prompt,
        messages.record_index,
        lead(messages.record_index) over (
            partition by messages.session_id
            order by messages.record_index
        ) as next_record_index,
        messages.sent_at

    from messages
    inner join line_turns
        on messages.file_id = line_turns.file_id
        and messages.line_number = line_turns.line_number
    where messages.starts_turn and messages.session_id = messages.root_session_id

),

-- What was said or used before the first prompt.
lines_before as (

    select line_turns.root_session_id
    from messages
    inner join line_turns
        on messages.file_id = line_turns.file_id
        and messages.line_number = line_turns.line_number
    where line_turns.root_turn_index = 0

    union all

    select line_turns.root_session_id
    from usage_lines
    inner join line_turns
        on usage_lines.file_id = line_turns.file_id
        and usage_lines.line_number = line_turns.line_number
    left join copied_responses
        on usage_lines.root_session_id = copied_responses.root_session_id
        and usage_lines.response_id = copied_responses.record_key
    where line_turns.root_turn_index = 0 and copied_responses.record_key is null

),

turns_before as (

    select
        lines_before.root_session_id,
        min(prompts.record_index) as next_record_index

    from lines_before
    left join prompts
        on lines_before.root_session_id = prompts.root_session_id
    group by lines_before.root_session_id

),

final as (

    select * from prompts

    union all

    select
        root_session_id,
        root_session_id as session_id,
        0 as turn_index,
        null as prompt_message_id,
        null as prompt_uuid,
        'before_first_prompt' as kind,
        null as prompt,
        0 as record_index,
        next_record_index,
        null as sent_at

    from turns_before

)

select * from final
