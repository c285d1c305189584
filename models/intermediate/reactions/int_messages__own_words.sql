{{ config(materialized='incremental') }}

{%- set machine_tags = '(?s)<(?:' ~ var('own_words_machine_tags') | join('|') ~ ')(?: [^>]*)?>.*?</[a-z_-]+>' -%}
{%- set pasted_blocks = var('own_words_pasted_blocks') | join('|') -%}
{%- set pasted_lines = '^(?:' ~ var('own_words_pasted_lines') | join('|') ~ ')$' -%}
{%- set lead_in = "'^[^.:]{1,60}: '" %}

with prompts as (

    select * from {{ ref('int_messages__typed') }}
    where is_human and starts_turn and text is not null and {{ in_changed_sessions() }}

),

-- a tag with its text, or the tag alone; of a plan that was handed over, the human gave the order only
without_machine_text as (

    select
        root_session_id,
        session_id,
        message_id,
        message_uuid,
        text,
        {{ replaced(
            replaced(
                "case kind when 'human_plan_handoff' then split_part(text, chr(10), 1) else text end",
                "'" ~ machine_tags ~ "'", "' '"
            ),
            "'</?command-args>'", "' '"
        ) }} as typed_text

    from prompts

),

without_blocks as (

    select
        root_session_id,
        session_id,
        message_id,
        message_uuid,
        typed_text,
        {{ replaced('typed_text', "'" ~ pasted_blocks ~ "'", 'chr(10)') }} as unfenced_text

    from without_machine_text

),

screens as (

    select
        root_session_id,
        session_id,
        message_id,
        message_uuid,
        typed_text,
        unfenced_text != typed_text as has_block,
        {{ split_lines('unfenced_text') }} as text_lines

    from without_blocks

),

lines as (

    select
        root_session_id,
        session_id,
        message_id,
        message_uuid,
        typed_text,
        has_block,
        element_index as line_index,
        element as whole_line,
        trim(
            {{ replaced('element', "'" ~ var('own_words_screen_marks') ~ ".*$'", "''") }}, ' ' || chr(9) || chr(13)
        ) as line

    from {{ explode('screens', 'text_lines') }}

),

read_lines as (

    select
        *,
        line != trim(whole_line, ' ' || chr(9) || chr(13)) as is_screen,
        {{ matches('line', "'" ~ pasted_lines ~ "'") }} as is_log,
        {{ matches('line', "'" ~ var('own_words_review_marks') ~ "'") }} as is_review_mark,
        length(line) >= {{ var('own_words_prose_characters') }}
        and {{ matches('line', "'" ~ var('own_words_prose') ~ "'") }}
        and not {{ matches('line', "'" ~ var('own_words_spoken') ~ "'") }} as is_prose

    from lines

),

-- what leads to a pasted paragraph stays ("any ideas: …")
spoken_lines as (

    select
        *,
        case
            when is_log or is_review_mark then null
            when is_prose then case when {{ matches('line', lead_in) }} then split_part(line, ': ', 1) || ':' end
            else line
        end as spoken_line

    from read_lines

),

messages as (

    select
        root_session_id,
        session_id,
        message_id,
        message_uuid,
        left(trim(coalesce({{ ordered_text(
            'spoken_line', 'chr(10)', 'line_index'
        ) }}, ''), ' ' || chr(9) || chr(10)), {{ var('own_words_max_characters') }}) as own_words,
        length(max(typed_text)) as typed_characters,
        bool_or(has_block) as has_pasted_block,
        bool_or(is_log or is_screen) as has_pasted_log,
        bool_or(is_review_mark or is_prose) as has_pasted_review

    from spoken_lines
    group by root_session_id, session_id, message_id, message_uuid

),

final as (

    select
        -- ids
        root_session_id,
        session_id,
        message_id,
        message_uuid,

        -- text
        own_words,

        -- numbers
        length(own_words) as own_characters,
        typed_characters,

        -- booleans
        has_pasted_block or has_pasted_log or has_pasted_review
        or length(own_words) = {{ var('own_words_max_characters') }} as has_paste,
        has_pasted_block,
        has_pasted_log,
        has_pasted_review

    from messages

)

select * from final
