{{ config(materialized='incremental') }}

with counted as (

    select * from {{ ref('int_records__counted') }}
    where record_type in ('user', 'assistant') and {{ in_changed_sessions() }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

ordered as (

    select
        counted.root_session_id,
        counted.sent_at,
        nullif(records.git_branch, '') as git_branch,
        counted.file_id,
        counted.line_number,
        row_number() over (
            partition by counted.root_session_id
            order by counted.sent_at, counted.session_id, counted.record_index
        ) as record_number

    from counted
    inner join records
        on counted.file_id = records.file_id
        and counted.line_number = records.line_number
    where counted.sent_at is not null

),

-- A span ends where nothing happens for a while, or where the branch changes.
compared as (

    select
        *,
        coalesce(
            {{ ms_between('lag(sent_at) over sequence', 'sent_at') }} > 1000 * {{ var('active_gap_seconds') }}
            or git_branch is distinct from lag(git_branch) over sequence,
            true
        ) as is_start

    from ordered
    window sequence as (partition by root_session_id order by record_number)

),

numbered as (

    select
        *,
        count(*) filter (where is_start) over (partition by root_session_id order by record_number) as span_index

    from compared

),

final as (

    select
        -- ids
        root_session_id,
        span_index,

        -- text
        min(git_branch) as git_branch,

        -- times
        min(sent_at) as started_at,
        max(sent_at) as ended_at

    from numbered
    group by root_session_id, span_index

)

select * from final
