{{ config(materialized='incremental') }}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where turn_index > 0 and {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

messages as (

    select * from {{ ref('int_messages__typed') }}
    where
        session_id = root_session_id
        and (is_human or kind = 'assistant')
        and nullif(text, '') is not null
        and {{ in_changed_sessions() }}

),

said as (

    select
        messages.session_id,
        messages.record_index,
        line_turns.root_turn_index as turn_index,
        {{ json_object([
            ('turn_index', 'line_turns.root_turn_index'),
            ('role', json_scalar('messages.role')),
            ('text', json_scalar('messages.text')),
        ]) }} as element

    from messages
    inner join line_turns
        on messages.file_id = line_turns.file_id
        and messages.line_number = line_turns.line_number

),

-- What each prompt looks back on; every element brings a comma or a bracket with it.
looked_back_on as (

    select
        prompts.session_id,
        prompts.turn_index,
        said.record_index,
        said.element,
        1 + sum({{ byte_length('said.element') }} + 1) over (
            partition by prompts.session_id, prompts.turn_index
            order by said.record_index desc
        ) as bytes_from_here

    from prompts
    inner join said
        on prompts.session_id = said.session_id
        and prompts.turn_index > said.turn_index
        and prompts.turn_index <= said.turn_index + {{ var('context_turns') }}

),

contexts as (

    select
        session_id,
        turn_index,
        {{ json_array_of(
            "case when bytes_from_here <= " ~ var('context_bytes') ~ " then element end", 'record_index'
        ) }} as conversation_context,
        count(*) filter (where bytes_from_here > {{ var('context_bytes') }}) as omitted_messages

    from looked_back_on
    group by session_id, turn_index

),

final as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        coalesce(contexts.conversation_context, '[]') as conversation_context,
        coalesce(contexts.omitted_messages, 0) as omitted_messages

    from prompts
    left join contexts
        on prompts.session_id = contexts.session_id
        and prompts.turn_index = contexts.turn_index

)

select * from final
