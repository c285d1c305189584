{{ config(materialized='view') }}

with ingest_runs as (

    select * from {{ ref('stg_operations__ingest_runs') }}

),

dbt_results as (

    select * from {{ ref('stg_operations__dbt_results') }}

),

final as (

    select
        run_id,
        'ingest' as source,
        step as action,
        project_id as subject,
        status,
        cast(null as bigint) as rows_affected,
        cast(null as bigint) as failures,
        bytes,
        duration_ms,
        counts as details,
        error,
        started_at,
        ended_at

    from ingest_runs

    union all

    select
        invocation_id as run_id,
        'dbt' as source,
        node_type as action,
        node_name as subject,
        status,
        rows_affected,
        failures,
        cast(null as bigint) as bytes,
        duration_ms,
        cast(null as {{ dbt.type_string() }}) as details,
        case when status in ('error', 'fail', 'warn', 'runtime error') then message end as error,
        started_at,
        ended_at

    from dbt_results

)

select * from final
