-- What people objected to, in their own words, the newest first.
select
    local_time(episodes."timestamp") as asked,
    project_id,
    session_id,
    turn_index,
    reaction_type as reaction,
    reaction_confidence as confidence,
    action_id as action,
    left(json_extract_string(user_reaction, '$.message'), 600) as message
from episodes
where is_objection(reaction_type)
order by episodes."timestamp" desc nulls last, session_id, turn_index desc
