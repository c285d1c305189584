{{ config(materialized='incremental') }}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where turn_index >= 1 and {{ in_changed_sessions() }}

),

endings as (

    select * from {{ ref('int_turns__endings') }}
    where {{ in_changed_sessions() }}

),

messages as (

    select * from {{ ref('int_messages__typed') }}
    where session_id = root_session_id and {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

own_words as (

    select * from {{ ref('int_messages__own_words') }}
    where {{ in_changed_sessions() }}

),

tool_calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where session_id = root_session_id and {{ in_changed_sessions() }}

),

touch_rules as (

    select * from {{ ref('file_touch_rules') }}

),

-- The turn and the prompt after it.
pairs as (

    select
        *,
        lead(prompt_message_id) over next_prompt as next_message_id,
        lead(prompt_uuid) over next_prompt as next_uuid,
        lead(kind) over next_prompt as next_kind,
        lead(prompt) over next_prompt as next_prompt

    from prompts
    window next_prompt as (partition by session_id order by turn_index)

),

answers as (

    select
        messages.session_id,
        line_turns.root_turn_index as turn_index,
        right(
            max_by(messages.text, messages.record_index) filter (where messages.kind = 'assistant'),
            {{ var('agent_last_characters') }}
        ) as last_words,
        bool_or(
            messages.kind = 'session_command'
            and {{ matches('messages.text', text_literal(var('undo_session_command'))) }}
        ) as has_rewind

    from messages
    inner join line_turns
        on messages.file_id = line_turns.file_id
        and messages.line_number = line_turns.line_number
    where
        (messages.kind = 'assistant' and messages.text is not null) or messages.kind = 'session_command'
    group by messages.session_id, line_turns.root_turn_index

),

calls as (

    select
        tool_calls.session_id,
        tool_calls.root_turn_index as turn_index,
        count(*) as tool_calls,
        count(*) filter (where touch_rules.touch_kind in ('edited', 'written') and not tool_calls.is_rejected) as edits,
        bool_or(tool_calls.command is not null and not tool_calls.is_rejected) as has_command,
        bool_or({{ matches('tool_calls.command', text_literal(var('commit_command'))) }}) as has_commit,
        bool_or(tool_calls.is_rejected) as has_refusal,
        max_by(tool_calls.is_rejected, tool_calls.record_index) filter (
            where tool_calls.tool_name in ('{{ var("plan_tools") | join("', '") }}') and tool_calls.has_result
        ) as is_plan_rejected,
        bool_or(not tool_calls.is_error) filter (
            where tool_calls.tool_name in ('{{ var("question_tools") | join("', '") }}') and tool_calls.has_result
        ) as is_question_answered

    from tool_calls
    left join touch_rules
        on tool_calls.tool_name = touch_rules.tool_name
    group by tool_calls.session_id, tool_calls.root_turn_index

),

edited_files as (

    select
        tool_calls.session_id,
        regexp_extract(tool_calls.file_path, '[^/\\]+$') as file_name,
        min(tool_calls.root_turn_index) as first_turn_index

    from tool_calls
    inner join touch_rules
        on tool_calls.tool_name = touch_rules.tool_name
    where touch_rules.touch_kind in ('edited', 'written') and tool_calls.file_path is not null
    group by tool_calls.session_id, file_name

),

named_files as (

    select distinct
        pairs.session_id,
        pairs.turn_index

    from pairs
    inner join edited_files
        on pairs.session_id = edited_files.session_id
        and pairs.turn_index >= edited_files.first_turn_index
        and contains(pairs.next_prompt, edited_files.file_name)

),

final as (

    select
        -- ids
        pairs.root_session_id,
        pairs.session_id,
        pairs.turn_index,
        pairs.next_message_id,
        pairs.next_uuid,

        -- text
        pairs.next_kind,
        endings.end_kind,

        -- what the human did
        pairs.next_message_id is null as is_last,
        endings.end_kind = 'interrupt' as ended_interrupt,
        endings.end_kind = 'refusal' as ended_refusal,
        coalesce(calls.has_refusal, false) as tool_refused,
        coalesce(not calls.is_plan_rejected, false) as plan_accepted,
        coalesce(calls.is_plan_rejected, false) as plan_rejected,
        coalesce(calls.is_question_answered, false) as answer_chosen,
        coalesce(answers.has_rewind, false)
        or coalesce(
            pairs.next_kind = 'bash_input'
            and {{ matches('pairs.next_prompt', text_literal(var('undo_command'))) }}, false
        ) as undone,
        endings.end_kind in ('interrupt', 'refusal')
        and coalesce(pairs.next_prompt = pairs.prompt, false) as resubmitted,
        coalesce(
            pairs.next_kind = 'bash_input'
            and {{ matches('pairs.next_prompt', text_literal(var('commit_command'))) }}, false
        ) as human_committed,
        coalesce(pairs.next_kind in ('bash_input', 'slash_command'), false) as ran_command,

        -- what the agent did
        coalesce({{ matches('answers.last_words', "'[?][^\\p{L}\\p{N}]*$'") }}, false) as agent_asked,
        coalesce({{ matches('answers.last_words', text_literal(var('agent_offers'))) }}, false) as agent_offered,
        coalesce({{ matches('answers.last_words', text_literal(var('agent_options'))) }}, false) as agent_options,
        coalesce({{ matches('answers.last_words', text_literal(var('agent_claims'))) }}, false) as agent_claims_done,
        answers.last_words is null as agent_silent,
        coalesce(calls.edits, 0) > 0 as agent_edited,
        coalesce(calls.edits, 0) >= {{ var('many_edits') }} as agent_edited_much,
        coalesce(calls.has_command, false) as agent_ran,
        coalesce(calls.has_commit, false) as agent_committed,
        coalesce(calls.tool_calls > 0 and calls.edits = 0, false) as agent_only_read,
        calls.tool_calls is null as agent_only_talked,

        -- what was pasted
        coalesce(own_words.has_pasted_log, false) as paste_log,
        coalesce(own_words.has_pasted_log and own_words.own_characters = 0, false) as paste_log_only,
        coalesce(own_words.has_pasted_review, false) as paste_review,
        coalesce(own_words.has_pasted_block, false) as paste_block,
        named_files.session_id is not null as names_edited_file

    from pairs
    inner join endings
        on pairs.session_id = endings.session_id
        and pairs.turn_index = endings.turn_index
    left join answers
        on pairs.session_id = answers.session_id
        and pairs.turn_index = answers.turn_index
    left join calls
        on pairs.session_id = calls.session_id
        and pairs.turn_index = calls.turn_index
    left join own_words
        on pairs.session_id = own_words.session_id
        and pairs.next_message_id = own_words.message_id
    left join named_files
        on pairs.session_id = named_files.session_id
        and pairs.turn_index = named_files.turn_index

)

select * from final
