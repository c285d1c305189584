with source as (

    select * from {{ ref('stg_claude_code__records') }}
    where bridge_reference is not null and (record_type = 'bridge-session' or record_subtype = 'bridge_status')

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        line_number,
        bridge_reference,

        -- text
        record_type

    from source

)

select * from renamed
