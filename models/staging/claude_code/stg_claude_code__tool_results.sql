with source as (

    select * from {{ ref('stg_claude_code__content_blocks') }}
    where block_type = 'tool_result'

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        line_number,
        block_index,
        tool_use_id,

        -- text
        result_text,

        -- booleans
        is_error

    from source

)

select * from renamed
