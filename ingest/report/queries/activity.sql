-- Turns, active time and commits, by the local day on which they began.
-- Commits from before the first session are left out.
with work as (

    select
        period(started_at) as period,
        count(*) filter (where turn_index > 0) as turns,
        count(distinct session_id) as sessions,
        round(sum(active_seconds) / 3600, 4) as active_hours
    from turns
    where started_at is not null
    group by all

),

kept as (

    select
        period(authored_at) as period,
        count(*) as commits,
        count(*) filter (where linked_session_id is not null) as linked_commits
    from commits
    where period(authored_at) >= coalesce((select min(period) from work), period(authored_at))
    group by all

)

select
    period,
    coalesce(sessions, 0) as sessions,
    coalesce(turns, 0) as turns,
    coalesce(active_hours, 0) as active_hours,
    coalesce(commits, 0) as commits,
    coalesce(linked_commits, 0) as linked_commits
from work
full join kept using (period)
order by period
