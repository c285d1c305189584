with events as (

    select * from {{ ref('int_correlations__file_events') }}

),

commits as (

    select * from {{ ref('int_commits__match_states') }}

),

commit_files as (

    select
        project_id,
        commit_sha,
        path

    from {{ ref('stg_git__commit_files') }}

    union

    select
        project_id,
        commit_sha,
        old_path as path

    from {{ ref('stg_git__commit_files') }}
    where old_path is not null

),

met as (

    select
        events.root_session_id,
        commits.project_id,
        commits.commit_sha,
        commit_files.path,
        events.event_kind,
        max(events.sent_at) as touched_at,
        max_by(events.file_id, (events.sent_at, events.file_id, events.line_number)) as file_id,
        max_by(events.line_number, (events.sent_at, events.file_id, events.line_number)) as line_number

    from commit_files
    inner join commits
        on commit_files.project_id = commits.project_id
        and commit_files.commit_sha = commits.commit_sha
    inner join events
        on commit_files.project_id = events.project_id
        and commit_files.path = events.repository_path
        and events.sent_at <= commits.made_before
        and events.sent_at > commits.made_before - interval '{{ var('candidate_days') }} days'
    group by
        events.root_session_id, commits.project_id, commits.commit_sha, commit_files.path, events.event_kind

),

ranked as (

    select
        *,
        row_number() over (
            partition by project_id, commit_sha, path, event_kind
            order by touched_at desc, root_session_id desc
        ) = 1 as is_last

    from met

),

final as (

    select
        -- ids
        ranked.root_session_id,
        ranked.project_id,
        ranked.commit_sha,
        max_by(ranked.file_id, (ranked.is_last, ranked.touched_at, ranked.path)) as file_id,

        -- text
        ranked.event_kind,
        max_by(ranked.path, (ranked.is_last, ranked.touched_at, ranked.path)) as path,

        -- numbers
        max_by(ranked.line_number, (ranked.is_last, ranked.touched_at, ranked.path)) as line_number,
        least(count(*), max(totals.commit_files)) as matched_files,
        least(count(*) filter (where ranked.is_last), max(totals.commit_files)) as last_files,

        -- times
        max(ranked.touched_at) as last_touched_at

    from ranked
    inner join {{ ref('int_commits__change_totals') }} as totals
        on ranked.project_id = totals.project_id
        and ranked.commit_sha = totals.commit_sha
    group by
        ranked.root_session_id, ranked.project_id, ranked.commit_sha, ranked.event_kind

)

select * from final
