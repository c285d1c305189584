{{ config(materialized='incremental') }}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where {{ in_changed_sessions() }}

),

messages as (

    select * from {{ ref('int_messages__typed') }}
    where {{ in_changed_sessions() }}

),

tool_calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where session_id = root_session_id and {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

last_messages as (

    select
        messages.session_id,
        line_turns.root_turn_index as turn_index,
        max(messages.record_index) filter (where messages.kind = 'assistant') as last_answer_index,
        max(messages.record_index) filter (
            where messages.kind in ('interrupt', 'interrupt_tool')
        ) as last_interrupt_index,
        max(messages.record_index) filter (where messages.kind = 'compact_summary') as last_compaction_index,
        count(*) filter (where messages.kind in ('interrupt', 'interrupt_tool')) as interruptions

    from messages
    inner join line_turns
        on messages.file_id = line_turns.file_id
        and messages.line_number = line_turns.line_number
    where messages.session_id = messages.root_session_id
    group by messages.session_id, line_turns.root_turn_index

),

refusals as (

    select
        session_id,
        root_turn_index as turn_index,
        max(result_record_index) as last_refusal_index,
        count(*) as rejections

    from tool_calls
    where is_rejected
    group by session_id, root_turn_index

),

final as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        -- what came after the agent's last word; a refused tool is followed by the notice of an interrupt
        case
            when refusals.last_refusal_index > coalesce(last_messages.last_answer_index, 0) then 'refusal'
            when last_messages.last_interrupt_index > coalesce(last_messages.last_answer_index, 0) then 'interrupt'
            when last_messages.last_compaction_index > coalesce(last_messages.last_answer_index, 0) then 'compaction'
            when prompts.next_record_index is not null then 'next_prompt'
            else 'end_of_log'
        end as end_kind,
        coalesce(last_messages.interruptions, 0) as interruptions,
        coalesce(refusals.rejections, 0) as rejections

    from prompts
    left join last_messages
        on prompts.session_id = last_messages.session_id
        and prompts.turn_index = last_messages.turn_index
    left join refusals
        on prompts.session_id = refusals.session_id
        and prompts.turn_index = refusals.turn_index

)

select * from final
