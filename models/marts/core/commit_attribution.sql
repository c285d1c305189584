with commit_files as (

    select
        project_id,
        commit_sha,
        file_index,
        path,
        insertions,
        {{ array_length('added_line_hashes') }} as compared_lines

    from {{ ref('stg_git__commit_files') }}

),

session_lines as (

    select
        project_id,
        commit_sha,
        file_index,
        coalesce(sum(written_lines) filter (where is_linked), 0) as linked_lines,
        sum(written_lines) as written_lines,
        sum(lost_lines) as lost_lines

    from {{ ref('int_commits__session_lines') }}
    group by project_id, commit_sha, file_index

),

-- One to one: a lost line became one of the lines that no session wrote.
compared as (

    select
        commit_files.project_id,
        commit_files.commit_sha,
        commit_files.file_index,
        commit_files.path,
        commit_files.insertions,
        commit_files.compared_lines,
        coalesce(session_lines.linked_lines, 0) as linked_lines,
        coalesce(session_lines.written_lines, 0) as written_lines,
        least(
            commit_files.compared_lines - coalesce(session_lines.written_lines, 0),
            coalesce(session_lines.lost_lines, 0)
        ) as changed_lines

    from commit_files
    left join session_lines
        on commit_files.project_id = session_lines.project_id
        and commit_files.commit_sha = session_lines.commit_sha
        and commit_files.file_index = session_lines.file_index

),

-- Lines without a fingerprint go with those that have one.
shared_out as (

    select
        project_id,
        commit_sha,
        file_index,
        path,
        insertions,
        compared_lines,
        {{ shared_out('linked_lines', 'insertions', 'compared_lines') }} as agent_lines,
        {{ shared_out('linked_lines + changed_lines', 'insertions', 'compared_lines') }} as agent_or_changed_lines,
        {{ shared_out('written_lines', 'insertions', 'compared_lines') }} as any_session_lines

    from compared

),

final as (

    select
        -- ids
        project_id,
        commit_sha,
        file_index,

        -- text
        path,

        -- numbers
        insertions as added_lines,
        agent_lines,
        agent_or_changed_lines - agent_lines as changed_lines,
        case when compared_lines > 0 or insertions = 0 then insertions - agent_or_changed_lines end as other_lines,
        case when compared_lines > 0 or insertions = 0 then 0 else insertions end as unknown_lines,
        any_session_lines,
        compared_lines

    from shared_out

)

select * from final
