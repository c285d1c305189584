{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with spans as (

    select
        states.project_id,
        spans.*

    from {{ ref('int_sessions__spans') }} as spans
    inner join {{ ref('int_sessions__states') }} as states
        on spans.root_session_id = states.root_session_id
    where {{ in_changed_projects('states.project_id') }}

),

commits as (

    select * from {{ ref('int_commits__match_states') }}
    where {{ in_changed_projects() }}

),

-- Commits and starts of work on one time line: the number of a commit is that of the last start before it.
time_line as (

    select
        project_id,
        started_at as happened_at,
        root_session_id,
        span_index,
        cast(null as {{ dbt.type_string() }}) as commit_sha

    from spans

    union all

    select
        project_id,
        made_before as happened_at,
        null as root_session_id,
        null as span_index,
        commit_sha

    from commits

),

numbered as (

    select
        *,
        count(span_index) over (
            partition by project_id
            order by happened_at, commit_sha nulls first, root_session_id, span_index
            rows between unbounded preceding and current row
        ) as span_number

    from time_line

),

looks_back as (

    select
        commits.project_id,
        commits.commit_sha,
        commits.happened_at,
        commits.span_number - steps.step as span_number

    from numbered as commits
    cross join (
        values
        {% for step in range(var('spans_looked_back_on')) %}
            ({{ step }}){% if not loop.last %},{% endif %}
        {% endfor %}
    ) as steps (step)
    where commits.commit_sha is not null

),

near as (

    select
        looks_back.project_id,
        looks_back.commit_sha,
        spans.root_session_id,
        max(looks_back.happened_at) as made_before,
        least(max(spans.ended_at), max(looks_back.happened_at)) as last_active_at

    from looks_back
    inner join numbered
        on looks_back.project_id = numbered.project_id
        and looks_back.span_number = numbered.span_number
        and numbered.commit_sha is null
    inner join spans
        on numbered.root_session_id = spans.root_session_id
        and numbered.span_index = spans.span_index
    group by looks_back.project_id, looks_back.commit_sha, spans.root_session_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by project_id, commit_sha
            order by last_active_at desc, root_session_id desc
        ) as active_rank

    from near
    where last_active_at > made_before - interval '{{ var('candidate_days') }} days'

)

select
    project_id,
    commit_sha,
    root_session_id,
    active_rank

from ranked
where active_rank <= {{ var('candidates_per_way') }}
