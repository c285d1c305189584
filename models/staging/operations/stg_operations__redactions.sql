with source as (

    select * from {{ source('raw', 'redactions') }}

),

renamed as (

    select
        -- ids
        project_id,
        file_id,
        path,
        line_number,

        -- text
        rule_id,
        token

    from source

)

select * from renamed
