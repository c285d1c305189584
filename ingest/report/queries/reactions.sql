-- How people took the agent's turns. Unknown is an answer: the last turn of every log is one.
select
    period(episodes."timestamp") as period,
    reaction_type as reaction,
    count(*) as turns
from episodes
group by all
order by period, reaction
