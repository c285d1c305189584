with source as (

    select * from {{ ref('stg_claude_code__records') }}
    where record_type = 'attachment'

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        line_number,
        uuid,

        -- text
        record_subtype as attachment_type,
        attachment_mode as command_mode,
        origin_kind,
        case
            when starts_with(attachment_prompt, '[') and json_valid(attachment_prompt)
                then coalesce({{ json_joined('attachment_prompt', '$[*].text', "chr(10)") }}, attachment_prompt)
            else attachment_prompt
        end as prompt,

        -- times
        sent_at

    from source

)

select * from renamed
