-- Files that were changed again in a later turn of the same session, and how often the human had objected.
with changes as (

    select distinct
        project_id,
        root_session_id as session_id,
        root_turn_index as turn_index,
        file_path
    from tool_calls
    where action_id like 'modify.%' and file_path is not null and has_result and not is_error and root_turn_index > 0

),

names as (

    select distinct
        root_session_id as session_id,
        path as file_path,
        coalesce(relative_path, path) as file
    from file_touches

)

select
    changes.project_id,
    coalesce(names.file, changes.file_path) as name,
    count(distinct (changes.session_id, changes.turn_index)) as turns,
    count(distinct (changes.session_id, changes.turn_index)) - count(distinct changes.session_id) as again,
    count(distinct changes.session_id) as sessions,
    count(distinct (changes.session_id, changes.turn_index)) filter (where is_objection(reaction_type)) as objected
from changes
left join names using (session_id, file_path)
left join episodes using (session_id, turn_index)
group by all
having again > 0
order by again desc, objected desc, name
