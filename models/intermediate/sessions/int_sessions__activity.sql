{{ config(materialized='incremental') }}

with counted as (

    select * from {{ ref('int_records__counted') }}
    where {{ in_changed_sessions() }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

activity as (

    select
        counted.root_session_id,
        counted.session_id,
        counted.record_index,
        counted.sent_at,
        records.record_type,
        records.record_subtype,
        records.cwd,
        records.git_branch,
        records.agent_version,
        records.pr_url,
        coalesce(
            {{ ms_between(
                'lag(counted.sent_at) over (partition by counted.session_id order by counted.sent_at, counted.record_index)',
                'counted.sent_at'
            ) }},
            0
        ) as gap_ms

    from counted
    inner join records
        on counted.file_id = records.file_id
        and counted.line_number = records.line_number

),

branch_starts as (

    select
        session_id,
        git_branch,
        min(record_index) as first_record_index

    from activity
    where nullif(git_branch, '') is not null
    group by session_id, git_branch

),

branches as (

    select
        session_id,
        {{ ordered_text('git_branch', "', '", 'first_record_index') }} as git_branches

    from branch_starts
    group by session_id

),

summed as (

    select
        root_session_id,
        session_id,
        count(*) as records,
        min(sent_at) as started_at,
        max(sent_at) as ended_at,
        sum(case when gap_ms <= {{ var('active_gap_seconds') }} * 1000 then gap_ms else 0 end) as active_ms,
        min_by(cwd, record_index) filter (where cwd is not null) as first_cwd,
        count(distinct cwd) as working_directories,
        min_by(agent_version, record_index) filter (where agent_version is not null) as first_agent_version,
        max_by(agent_version, record_index) filter (where agent_version is not null) as last_agent_version,
        max_by(pr_url, record_index) filter (where pr_url is not null) as pr_url,
        count(*) filter (where record_type = 'system' and record_subtype = 'compact_boundary') as compactions

    from activity
    group by root_session_id, session_id

),

final as (

    select
        summed.root_session_id,
        summed.session_id,
        summed.records,
        summed.started_at,
        summed.ended_at,
        cast(summed.active_ms as bigint) as active_ms,
        summed.first_cwd,
        summed.working_directories,
        branches.git_branches,
        summed.first_agent_version,
        summed.last_agent_version,
        summed.pr_url,
        summed.compactions

    from summed
    left join branches
        on summed.session_id = branches.session_id

)

select * from final
