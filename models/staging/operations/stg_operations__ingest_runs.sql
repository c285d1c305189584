with source as (

    select * from {{ source('raw', 'ingest_runs') }}

),

renamed as (

    select
        -- ids
        run_id,
        step,
        project_id,
        {{ json_value('counts', '$.invocation_id') }} as invocation_id,

        -- text
        status,
        counts,
        error,

        -- numbers
        bytes,
        {{ ms_between('started_at', 'ended_at') }} as duration_ms,

        -- times
        started_at,
        ended_at

    from source

)

select * from renamed
