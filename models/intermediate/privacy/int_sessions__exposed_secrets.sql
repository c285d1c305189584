{{ config(materialized='incremental', meta={'states': ['stg_claude_code__session_roots']}) }}

with lines as (

    select
        root_session_id,
        project_id,
        file_id,
        line_number,
        line as text

    from {{ ref('stg_claude_code__lines') }}
    where {{ in_changed_sessions('stg_claude_code__session_roots') }}

),

exposed as (

    select *
    from {{ exposed_secrets('lines', ['root_session_id', 'project_id', 'file_id', 'line_number'], 'root_session_id') }}

)

select * from exposed
