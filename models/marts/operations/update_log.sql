{{ config(materialized='view') }}

with ingest_runs as (

    select * from {{ ref('stg_operations__ingest_runs') }}

),

dbt_results as (

    select * from {{ ref('stg_operations__dbt_results') }}

),

-- What a night had dbt do belongs to that night.
nights as (

    select
        invocation_id,
        max(run_id) as run_id

    from ingest_runs
    where invocation_id is not null
    group by invocation_id

),

final as (

    select
        run_id,
        invocation_id,
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
        coalesce(nights.run_id, dbt_results.invocation_id) as run_id,
        dbt_results.invocation_id,
        'dbt' as source,
        dbt_results.node_type as action,
        dbt_results.node_name as subject,
        dbt_results.status,
        dbt_results.rows_affected,
        dbt_results.failures,
        cast(null as bigint) as bytes,
        dbt_results.duration_ms,
        cast(null as {{ dbt.type_string() }}) as details,
        case
            when dbt_results.status in ('error', 'fail', 'warn', 'runtime error') then dbt_results.message
        end as error,
        dbt_results.started_at,
        dbt_results.ended_at

    from dbt_results
    left join nights
        on dbt_results.invocation_id = nights.invocation_id

)

select * from final
