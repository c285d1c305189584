-- What is not whole, by project.
with session_counts as (

    select
        project_id,
        count(*) as sessions,
        count(*) filter (where completeness = 'complete') as complete,
        count(*) filter (where completeness = 'unanswered tool calls') as unanswered,
        count(*) filter (where completeness = 'malformed lines') as malformed,
        count(*) filter (where completeness = 'empty') as empty,
        max(ended_at) as last_session_at
    from sessions
    group by all

),

usage_counts as (

    select
        project_id,
        count(*) as responses,
        count(*) filter (where not is_final) as not_final,
        count(*) filter (where not is_priced) as unpriced
    from token_usage
    group by all

)

select
    projects.project_id,
    projects.name,
    coalesce(session_counts.sessions, 0) as sessions,
    coalesce(complete, 0) as complete,
    coalesce(unanswered, 0) as unanswered,
    coalesce(malformed, 0) as malformed,
    coalesce(empty, 0) as empty,
    parse_errors,
    coalesce(responses, 0) as responses,
    coalesce(not_final, 0) as not_final,
    coalesce(unpriced, 0) as unpriced,
    local_time(session_counts.last_session_at) as last_session,
    local_time(last_commit_at) as last_commit
from projects
left join session_counts using (project_id)
left join usage_counts using (project_id)
order by projects.project_id
