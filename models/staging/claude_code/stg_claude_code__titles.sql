with source as (

    select * from {{ ref('stg_claude_code__records') }}
    where record_type in ('summary', 'ai-title', 'custom-title')

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        file_rank,
        line_number,
        leaf_uuid,

        -- text
        record_type as title_kind,
        title,

        -- numbers
        case record_type when 'custom-title' then 1 when 'ai-title' then 2 else 3 end as title_rank

    from source
    where title is not null

)

select * from renamed
