-- Every added line has one origin; what sessions wrote is the sum of what each of them wrote; a month's lines are those
-- of its commits.
with attribution as (

    select * from {{ ref('commit_attribution') }}

),

commit_files as (

    select * from {{ ref('commit_files') }}

),

session_lines as (

    select
        project_id,
        commit_sha,
        file_index,
        coalesce(sum(session_lines) filter (where is_linked), 0) as agent_lines,
        sum(session_lines) as any_session_lines

    from {{ ref('commit_session_lines') }}
    group by project_id, commit_sha, file_index

),

failures as (

    select
        'added lines have one origin' as expectation,
        attribution.project_id,
        attribution.commit_sha,
        attribution.path

    from attribution
    left join commit_files
        on attribution.project_id = commit_files.project_id
        and attribution.commit_sha = commit_files.commit_sha
        and attribution.file_index = commit_files.file_index
    where
        commit_files.insertions is distinct from attribution.added_lines
        or attribution.added_lines != coalesce(attribution.agent_lines, 0) + coalesce(attribution.changed_lines, 0)
        + coalesce(attribution.other_lines, 0) + attribution.unknown_lines
        or least(attribution.agent_lines, attribution.changed_lines, attribution.other_lines) < 0
        or attribution.any_session_lines not between attribution.agent_lines and attribution.added_lines

    union all

    select
        'lines are unknown where none was compared' as expectation,
        project_id,
        commit_sha,
        path

    from attribution
    where
        added_lines > 0
        and (coalesce(compared_lines, 0) = 0) != (agent_lines is null and unknown_lines = added_lines)

    union all

    select
        'sessions add up' as expectation,
        attribution.project_id,
        attribution.commit_sha,
        attribution.path

    from attribution
    left join session_lines
        on attribution.project_id = session_lines.project_id
        and attribution.commit_sha = session_lines.commit_sha
        and attribution.file_index = session_lines.file_index
    where
        attribution.agent_lines != coalesce(session_lines.agent_lines, 0)
        or attribution.any_session_lines != coalesce(session_lines.any_session_lines, 0)

    union all

    select
        'every file is attributed once' as expectation,
        commit_files.project_id,
        commit_files.commit_sha,
        commit_files.path

    from commit_files
    left join attribution
        on commit_files.project_id = attribution.project_id
        and commit_files.commit_sha = attribution.commit_sha
        and commit_files.file_index = attribution.file_index
    where attribution.commit_sha is null

    union all

    select
        'a month adds up' as expectation,
        project_id,
        null as commit_sha,
        author as path

    from {{ ref('agent_line_shares') }}
    where
        added_lines != agent_lines + changed_lines + other_lines + unknown_lines
        or linked_commits > commits

)

select * from failures
