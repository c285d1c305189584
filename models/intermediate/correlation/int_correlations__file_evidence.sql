{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with events as (

    select * from {{ ref('int_correlations__file_events') }}
    where {{ in_changed_projects() }}

),

commits as (

    select * from {{ ref('int_commits__match_states') }}
    where {{ in_changed_projects() }}

),

commit_files as (

    {{ commit_paths() }}

),

-- Commits and touches of each file on one time line: a commit's event number is that of the last touch before it.
time_line as (

    select
        project_id,
        repository_path as path,
        event_kind,
        sent_at as happened_at,
        cast(null as {{ dbt.type_string() }}) as commit_sha,
        root_session_id,
        file_id,
        line_number

    from events

    union all

    select
        commit_files.project_id,
        commit_files.path,
        kinds.event_kind,
        commits.made_before as happened_at,
        commit_files.commit_sha,
        null as root_session_id,
        null as file_id,
        null as line_number

    from commit_files
    inner join commits
        on commit_files.project_id = commits.project_id
        and commit_files.commit_sha = commits.commit_sha
    cross join (values ('changed'), ('read')) as kinds (event_kind)
    where commits.made_before is not null

),

numbered as (

    select
        *,
        count(root_session_id) over (
            partition by project_id, path, event_kind
            order by happened_at, commit_sha nulls first, root_session_id, file_id, line_number
            rows between unbounded preceding and current row
        ) as event_number

    from time_line

),

-- A turn: what one session does with a file until another one touches it.
turned as (

    select
        *,
        count(*) filter (where is_other_session) over (
            partition by project_id, path, event_kind
            order by event_number
            rows between unbounded preceding and current row
        ) as turn_number

    from (
        select
            *,
            coalesce(root_session_id != lag(root_session_id) over (
                partition by project_id, path, event_kind
                order by event_number
            ), true) as is_other_session

        from numbered
        where commit_sha is null
    ) as touches

),

last_of_turns as (

    select
        *,
        row_number() over (
            partition by project_id, path, event_kind, turn_number
            order by event_number desc
        ) as place_from_end

    from turned

),

-- A commit looks at the turn that it falls into or that ended last, and back on some before it.
looked_at as (

    select
        commits.project_id,
        commits.commit_sha,
        commits.path,
        commits.event_kind,
        commits.happened_at as made_before,
        touches.turn_number,
        touches.root_session_id,
        touches.file_id,
        touches.line_number,
        touches.happened_at as sent_at

    from numbered as commits
    inner join turned as touches
        on commits.project_id = touches.project_id
        and commits.path = touches.path
        and commits.event_kind = touches.event_kind
        and commits.event_number = touches.event_number
    where
        commits.commit_sha is not null
        and touches.happened_at > commits.happened_at - interval '{{ var('candidate_days') }} days'

),

looked_back_on as (

    select
        looked_at.project_id,
        looked_at.commit_sha,
        looked_at.path,
        looked_at.event_kind,
        looked_at.made_before,
        looked_at.turn_number - steps.step as turn_number

    from looked_at
    inner join (
        values
        {% for step in range(1, var('turns_looked_back_on')) %}
            ({{ step }}){% if not loop.last %},{% endif %}
        {% endfor %}
    ) as steps (step)
        on looked_at.turn_number > steps.step

),

seen as (

    select
        project_id,
        commit_sha,
        path,
        event_kind,
        root_session_id,
        file_id,
        line_number,
        sent_at

    from looked_at

    union all

    select
        looked_back_on.project_id,
        looked_back_on.commit_sha,
        looked_back_on.path,
        looked_back_on.event_kind,
        touches.root_session_id,
        touches.file_id,
        touches.line_number,
        touches.happened_at as sent_at

    from looked_back_on
    inner join last_of_turns as touches
        on looked_back_on.project_id = touches.project_id
        and looked_back_on.path = touches.path
        and looked_back_on.event_kind = touches.event_kind
        and looked_back_on.turn_number = touches.turn_number
        and touches.place_from_end = 1
    where touches.happened_at > looked_back_on.made_before - interval '{{ var('candidate_days') }} days'

),

met as (

    select
        root_session_id,
        project_id,
        commit_sha,
        path,
        event_kind,
        max(sent_at) as touched_at,
        max_by(file_id, (sent_at, file_id, line_number)) as file_id,
        max_by(line_number, (sent_at, file_id, line_number)) as line_number

    from seen
    group by root_session_id, project_id, commit_sha, path, event_kind

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
        least(count(*) filter (
            where ranked.touched_at <= predecessors.previous_made_before
        ), max(totals.commit_files)) as committed_files,

        -- times
        max(ranked.touched_at) as last_touched_at

    from ranked
    inner join {{ ref('int_commits__change_totals') }} as totals
        on ranked.project_id = totals.project_id
        and ranked.commit_sha = totals.commit_sha
    left join {{ ref('int_commits__file_predecessors') }} as predecessors
        on ranked.project_id = predecessors.project_id
        and ranked.commit_sha = predecessors.commit_sha
        and ranked.path = predecessors.path
    group by
        ranked.root_session_id, ranked.project_id, ranked.commit_sha, ranked.event_kind

)

select * from final
