with source as (

    select * from {{ ref('stg_claude_code__records') }}
    where record_type = 'pr-link'

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        line_number,

        -- text
        pr_url,
        pr_repository,

        -- numbers
        pr_number,

        -- times
        sent_at

    from source

)

select * from renamed
