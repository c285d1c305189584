-- Commits by what became of them: linked to a session, or the reason why not.
select
    coalesce(unlinked_reason, 'linked') as name,
    count(*) as commits
from commits
group by all
order by commits desc, name
