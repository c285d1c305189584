{{ config(materialized='incremental') }}

{%- set fillers = text_literal('^ (?:(?:' ~ var('reaction_fillers') | join('|') ~ ') )*') -%}
{%- set harmless = text_literal(' (?:' ~ var('reaction_harmless_phrases') | join('|') ~ ') ') -%}
{%- set not_good = text_literal(' ' ~ var('reaction_not_good')) -%}
{%- set not_working = text_literal(' ' ~ var('reaction_not_working')) %}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where turn_index >= 1 and {{ in_changed_sessions() }}

),

own_words as (

    select * from {{ ref('int_messages__own_words') }}
    where {{ in_changed_sessions() }}

),

refused_calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where
        is_rejected
        and session_id = root_session_id
        and tool_name not in ('{{ var("question_tools") | join("', '") }}')
        and {{ in_changed_sessions() }}

),

results as (

    select * from {{ ref('stg_claude_code__tool_results') }}
    where {{ in_changed_sessions() }}

),

-- The prompt that follows a turn reacts to it.
following_prompts as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index - 1 as turn_index,
        'prompt' as text_kind,
        prompts.prompt_uuid as message_uuid,
        own_words.own_words

    from prompts
    inner join own_words
        on prompts.session_id = own_words.session_id
        and prompts.prompt_message_id = own_words.message_id
    where prompts.turn_index >= 2

),

-- So does the reason of the last refused call.
refusal_reasons as (

    select
        refused_calls.root_session_id,
        refused_calls.session_id,
        refused_calls.root_turn_index as turn_index,
        'refusal' as text_kind,
        cast(null as {{ dbt.type_string() }}) as message_uuid,
        max_by(
            trim(split_part(results.result_text, '{{ var("refusal_reason_mark") }}', 2), ' ' || chr(10)),
            refused_calls.result_record_index
        ) as own_words

    from refused_calls
    inner join results
        on refused_calls.result_file_id = results.file_id
        and refused_calls.result_line_number = results.line_number
        and refused_calls.result_block_index = results.block_index
    where
        refused_calls.root_turn_index >= 1
        and contains(results.result_text, '{{ var("refusal_reason_mark") }}')
    group by refused_calls.root_session_id, refused_calls.session_id, refused_calls.root_turn_index

),

texts as (

    select * from following_prompts

    union all

    select * from refusal_reasons

),

normalized as (

    select
        *,
        {{ spoken_words('left(own_words, ' ~ var('reaction_characters') ~ ')') }} as words

    from texts

),

-- Negation: what is only polite or careful says nothing; what is negated good is bad.
negated as (

    select
        *,
        {{ replaced(
            replaced(replaced('words', harmless, "' xharmless '"), not_good, "' xnotgood'"), not_working, "' xnotwork'"
        ) }} as read_words

    from normalized

),

counted as (

    select
        *,
        {{ array_length(split_text('trim(read_words)', ' ')) }} as read_count,
        {{ array_length(split_text("trim(" ~ replaced('read_words', fillers, "' '") ~ ")", ' ')) }} as opening_count

    from negated

),

final as (

    select
        root_session_id,
        session_id,
        turn_index,
        text_kind,
        message_uuid,
        own_words,
        read_words,
        length(own_words) as own_characters,
        case when trim(read_words) = '' then 0 else read_count end as words,
        -- the first word after the fillers
        read_count - opening_count + 1 as opening_index

    from counted

)

select * from final
