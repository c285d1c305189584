{{ config(materialized='incremental') }}

with messages as (

    select * from {{ ref('int_messages__typed') }}
    where text is not null and {{ in_changed_sessions() }}

),

tasks as (

    select
        calls.root_session_id,
        calls.sent_at,
        uses.prompt as text

    from {{ ref('int_tool_calls__paired') }} as calls
    inner join {{ ref('stg_claude_code__tool_uses') }} as uses
        on calls.use_file_id = uses.file_id
        and calls.use_line_number = uses.line_number
        and calls.use_block_index = uses.block_index
    where
        uses.prompt is not null
        and {{ in_changed_sessions(column='calls.root_session_id') }}
        and {{ in_changed_sessions(column='uses.root_session_id') }}

),

texts as (

    select
        root_session_id,
        sent_at,
        {{ words_of('text') }} as words

    from (
        select
            root_session_id,
            sent_at,
            text

        from messages

        union all

        select
            root_session_id,
            sent_at,
            text

        from tasks
    ) as said
    where sent_at is not null

),

final as (

    select
        root_session_id,
        element as word,
        min(sent_at) as first_said_at

    from {{ explode('texts', 'words') }}
    group by root_session_id, element

)

select * from final
