-- The same for each project, over all months.
select
    project_id as name,
    sum(commits) as commits,
    sum(linked_commits) as linked_commits,
    sum(added_lines) as added_lines,
    sum(agent_lines) as agent_lines,
    sum(changed_lines) as changed_lines,
    sum(other_lines) as other_lines,
    sum(unknown_lines) as unknown_lines
from agent_line_shares
group by all
order by added_lines desc, name
