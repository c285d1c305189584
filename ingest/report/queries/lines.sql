-- Added lines by who wrote them. Merges, copies and commits that a squash holds are left out, so each line counts once.
select
    month as period,
    sum(added_lines) as added_lines,
    sum(agent_lines) as agent_lines,
    sum(changed_lines) as changed_lines,
    sum(other_lines) as other_lines,
    sum(unknown_lines) as unknown_lines
from agent_line_shares
where month >= coalesce((select min(date_trunc('month', local_time(started_at))) from turns), month)
group by all
order by month
