with source as (

    select * from {{ source('audit', 'dbt_results') }}

),

renamed as (

    select
        -- ids
        invocation_id,
        node_id,

        -- text
        node_type,
        node_name,
        status,
        message,

        -- numbers
        failures,
        rows_affected,
        duration_ms,

        -- times
        started_at,
        ended_at

    from source

)

select * from renamed
