with source as (

    select * from {{ source('raw', 'parse_errors') }}

),

renamed as (

    select
        -- ids
        project_id,
        file_id,
        path,
        line_number,

        -- text
        step,
        reason,
        detail

    from source

)

select * from renamed
