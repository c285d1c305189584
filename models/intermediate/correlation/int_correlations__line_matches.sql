{{ config(materialized='incremental', meta={'states': ['int_sessions__states', 'int_commits__match_states']}) }}

with sessions as (

    select
        *,
        {{ in_changed_sessions() }} as is_changed

    from {{ ref('int_sessions__states') }}

),

commits as (

    select
        *,
        {{ in_changed_commits('int_commits__match_states') }} as is_changed

    from {{ ref('int_commits__match_states') }}

),

-- Lines of other projects meet nothing new.
changed_projects as (

    select project_id from sessions
    where is_changed

    union

    select project_id from commits
    where is_changed

),

rarity as (

    select * from {{ ref('int_commits__line_rarity') }}
    where not is_common

),

session_lines as (

    select
        sessions.project_id,
        sessions.is_changed,
        line_changes.*,
        -- one number to compare and to keep instead of many columns: matches are many times the lines
        row_number() over (
            partition by line_changes.root_session_id
            order by
                line_changes.sent_at nulls first, line_changes.record_index nulls first, line_changes.file_id,
                line_changes.line_number, line_changes.block_index, line_changes.changed_path,
                line_changes.side, line_changes.line_hash
        ) as change_index

    from {{ ref('int_tool_calls__line_changes') }} as line_changes
    inner join sessions
        on line_changes.root_session_id = sessions.root_session_id
    where sessions.project_id in (select changed_projects.project_id from changed_projects)

),

commit_lines as (

    select
        line_changes.commit_id,
        line_changes.project_id,
        line_changes.commit_sha,
        line_changes.side,
        line_changes.line_hash,
        commits.made_before,
        commits.is_changed,
        min_by(line_changes.path, line_changes.file_index) as path

    from {{ ref('int_commits__line_changes') }} as line_changes
    inner join commits
        on line_changes.commit_id = commits.commit_id
    inner join rarity
        on line_changes.project_id = rarity.project_id
        and line_changes.side = rarity.side
        and line_changes.line_hash = rarity.line_hash
    where line_changes.project_id in (select changed_projects.project_id from changed_projects)
    group by
        line_changes.commit_id, line_changes.project_id, line_changes.commit_sha, line_changes.side,
        line_changes.line_hash, commits.made_before, commits.is_changed

),

-- A new session meets all commits, a new commit all sessions; what met before is kept.
met as (

    {% for is_changed in ['session_lines.is_changed', 'not session_lines.is_changed and commit_lines.is_changed'] %}
        select
            session_lines.root_session_id,
            commit_lines.commit_id,
            session_lines.side,
            session_lines.line_hash,
            max(session_lines.change_index) as change_index

        from session_lines
        inner join commit_lines
            on session_lines.project_id = commit_lines.project_id
            and session_lines.side = commit_lines.side
            and session_lines.line_hash = commit_lines.line_hash
            and session_lines.sent_at <= commit_lines.made_before
        where {{ is_changed }}
        group by
            session_lines.root_session_id, commit_lines.commit_id, session_lines.side, session_lines.line_hash

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

final as (

    select
        -- ids
        met.root_session_id,
        met.commit_id,
        commit_lines.project_id,
        commit_lines.commit_sha,
        session_lines.file_id,
        session_lines.line_number,

        -- text
        met.side,
        met.line_hash,
        commit_lines.path,
        session_lines.changed_path,

        -- times
        session_lines.sent_at as written_at

    from met
    inner join session_lines
        on met.root_session_id = session_lines.root_session_id
        and met.change_index = session_lines.change_index
    inner join commit_lines
        on met.commit_id = commit_lines.commit_id
        and met.side = commit_lines.side
        and met.line_hash = commit_lines.line_hash

)

select * from final
