with source as (

    select * from {{ ref('stg_claude_code__records') }}
    where record_type in ('system', 'queue-operation', 'permission-mode')

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        line_number,
        uuid,
        logical_parent_uuid,

        -- text
        record_type,
        record_subtype as event_type,
        level,
        system_content as content,
        compact_trigger,
        permission_mode,

        -- numbers
        duration_ms,
        compact_pre_tokens,

        -- times
        sent_at

    from source

)

select * from renamed
