{{ config(severity='warn') }}

-- A subagent whose parent, or the tool call that started it, is not in the archive: possible where the parent's file
-- was purged before it was archived, and otherwise a sign that the links between files have changed.
with sessions as (

    select * from {{ ref('sessions') }}
    where is_subagent

),

tool_calls as (

    select * from {{ ref('tool_calls') }}

),

failures as (

    select
        sessions.session_id,
        sessions.parent_session_id,
        sessions.spawned_by_tool_use_id,
        case when parents.session_id is null then 'unknown parent' else 'unknown tool call' end as found

    from sessions
    left join {{ ref('sessions') }} as parents
        on sessions.parent_session_id = parents.session_id
    left join tool_calls
        on sessions.spawned_by_tool_use_id = tool_calls.tool_use_id
    where parents.session_id is null or tool_calls.tool_use_id is null

)

select * from failures
