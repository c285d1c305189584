{{ config(materialized='incremental') }}

with files as (

    select * from {{ ref('stg_claude_code__session_files') }}
    where {{ in_changed_sessions() }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

outcomes as (

    select * from {{ ref('stg_claude_code__tool_outcomes') }}
    where agent_id is not null and {{ in_changed_sessions() }}

),

results as (

    select * from {{ ref('stg_claude_code__tool_results') }}
    where {{ in_changed_sessions() }}

),

of_files as (

    select
        session_id,
        root_session_id,
        parent_session_id,
        subagent_type,
        subagent_description,
        spawned_by_tool_use_id,
        spawn_depth,
        lines,
        bytes

    from files
    where file_rank = 1

),

versions as (

    select
        session_id,
        count(*) as file_versions

    from files
    group by session_id

),

-- Older logs hold a subagent's messages inside the progress records of the session that started it.
of_progress as (

    select
        session_id,
        root_session_id,
        min_by(parent_tool_use_id, line_number) as spawned_by_tool_use_id

    from records
    where provenance = 'agent_progress' and session_id != root_session_id
    group by session_id, root_session_id

),

announced_agents as (

    select
        outcomes.root_session_id || '/agent-' || outcomes.agent_id as session_id,
        min_by(results.tool_use_id, outcomes.line_number) as spawned_by_tool_use_id

    from outcomes
    inner join results
        on outcomes.file_id = results.file_id
        and outcomes.line_number = results.line_number
    group by outcomes.root_session_id, outcomes.agent_id

),

malformed as (

    select
        session_id,
        count(*) as malformed_lines

    from records
    where not is_json and not is_blank and file_rank = 1
    group by session_id

),

final as (

    select
        coalesce(of_files.session_id, of_progress.session_id) as session_id,
        coalesce(of_files.root_session_id, of_progress.root_session_id) as root_session_id,
        coalesce(of_files.parent_session_id, of_progress.root_session_id) as parent_session_id,
        of_files.subagent_type,
        of_files.subagent_description,
        coalesce(
            of_files.spawned_by_tool_use_id,
            of_progress.spawned_by_tool_use_id,
            announced_agents.spawned_by_tool_use_id
        ) as spawned_by_tool_use_id,
        of_files.spawn_depth,
        of_files.session_id is not null as has_file,
        coalesce(versions.file_versions, 0) as file_versions,
        coalesce(of_files.lines, 0) as lines,
        coalesce(of_files.bytes, 0) as bytes,
        coalesce(malformed.malformed_lines, 0) as malformed_lines

    from of_files
    full join of_progress
        on of_files.session_id = of_progress.session_id
    left join versions
        on of_files.session_id = versions.session_id
    left join announced_agents
        on coalesce(of_files.session_id, of_progress.session_id) = announced_agents.session_id
    left join malformed
        on of_files.session_id = malformed.session_id

)

select * from final
