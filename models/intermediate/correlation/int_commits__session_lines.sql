{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with links as (

    select * from {{ ref('int_correlations__accepted') }}
    where {{ in_changed_projects() }}

),

matches as (

    select * from {{ ref('int_correlations__line_matches') }}
    where side = 'added' and {{ in_changed_projects() }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}
    where {{ in_changed_projects() }}

),

added_lines as (

    select * from {{ ref('int_commits__line_changes') }}
    where side = 'added' and {{ in_changed_projects() }}

),

rarity as (

    select * from {{ ref('int_commits__line_rarity') }}
    where side = 'added' and {{ in_changed_projects() }}

),

match_states as (

    select * from {{ ref('int_commits__match_states') }}
    where {{ in_changed_projects() }}

),

families as (

    select * from {{ ref('int_commits__families') }}
    where {{ in_changed_projects() }}

),

session_lines as (

    select
        paths.project_id,
        line_changes.root_session_id,
        paths.repository_path as path,
        line_changes.side,
        line_changes.line_hash,
        line_changes.lines,
        line_changes.sent_at

    from {{ ref('int_tool_calls__line_changes') }} as line_changes
    inner join {{ ref('int_sessions__states') }} as sessions
        on line_changes.root_session_id = sessions.root_session_id
    inner join {{ ref('int_correlations__paths') }} as paths
        on sessions.project_id = paths.project_id
        and line_changes.changed_path = paths.path
    where {{ in_changed_projects('paths.project_id') }}

),

-- A file's changes begin where the last commit of another family left it.
family_files as (

    select
        commit_files.project_id,
        commit_files.path,
        families.family_id,
        min(match_states.made_before) as made_before

    from commit_files
    inner join match_states
        on commit_files.project_id = match_states.project_id
        and commit_files.commit_sha = match_states.commit_sha
    inner join families
        on commit_files.project_id = families.project_id
        and commit_files.commit_sha = families.commit_sha
    group by commit_files.project_id, commit_files.path, families.family_id

),

family_windows as (

    select
        *,
        lag(made_before) over (
            partition by project_id, path
            order by made_before nulls last, family_id
        ) as made_after

    from family_files

),

linked_files as (

    select
        links.project_id,
        links.commit_sha,
        links.root_session_id,
        commit_files.file_index,
        commit_files.path,
        commit_files.old_path,
        match_states.made_before,
        family_windows.made_after

    from links
    inner join commit_files
        on links.project_id = commit_files.project_id
        and links.commit_sha = commit_files.commit_sha
    inner join match_states
        on links.project_id = match_states.project_id
        and links.commit_sha = match_states.commit_sha
    inner join families
        on links.project_id = families.project_id
        and links.commit_sha = families.commit_sha
    inner join family_windows
        on families.project_id = family_windows.project_id
        and families.family_id = family_windows.family_id
        and commit_files.path = family_windows.path

),

-- A rare line says by itself who wrote it, wherever it stands and whoever is linked.
rare_writes as (

    select
        added_lines.project_id,
        added_lines.commit_sha,
        added_lines.file_index,
        added_lines.line_hash,
        added_lines.lines,
        matches.root_session_id,
        links.root_session_id is not null as is_linked,
        matches.written_at

    from added_lines
    inner join matches
        on added_lines.commit_id = matches.commit_id
        and added_lines.line_hash = matches.line_hash
    left join links
        on matches.project_id = links.project_id
        and matches.commit_sha = links.commit_sha
        and matches.root_session_id = links.root_session_id

),

-- A common line is a linked session's where it wrote the line in the same file, under its old path too.
common_writes as (

    select
        added_lines.project_id,
        added_lines.commit_sha,
        added_lines.file_index,
        added_lines.line_hash,
        added_lines.lines,
        session_lines.root_session_id,
        true as is_linked,
        session_lines.sent_at as written_at

    from linked_files
    inner join added_lines
        on linked_files.project_id = added_lines.project_id
        and linked_files.commit_sha = added_lines.commit_sha
        and linked_files.file_index = added_lines.file_index
    inner join rarity
        on added_lines.project_id = rarity.project_id
        and added_lines.line_hash = rarity.line_hash
    inner join session_lines
        on linked_files.project_id = session_lines.project_id
        and linked_files.root_session_id = session_lines.root_session_id
        and session_lines.path in (linked_files.path, linked_files.old_path)
        and added_lines.line_hash = session_lines.line_hash
        and linked_files.made_before >= session_lines.sent_at
    where rarity.is_common and session_lines.side = 'added'

),

-- Of several sessions the last one had the line in its hands; one that is linked goes first.
ranked_writes as (

    select
        *,
        row_number() over (
            partition by project_id, commit_sha, file_index, line_hash
            order by is_linked desc, written_at desc, root_session_id desc
        ) as write_rank

    from (
        select * from rare_writes

        union all

        select * from common_writes
    ) as writes

),

-- What linked sessions wrote into the file and left there, though no commit has it: somebody changed it.
lost_lines as (

    select
        linked_files.project_id,
        linked_files.commit_sha,
        linked_files.file_index,
        session_lines.line_hash,
        max_by(
            session_lines.root_session_id,
            (session_lines.side = 'added', session_lines.sent_at, session_lines.root_session_id)
        ) as root_session_id,
        sum(case session_lines.side when 'added' then session_lines.lines else -session_lines.lines end) as lost_lines

    from linked_files
    inner join session_lines
        on linked_files.project_id = session_lines.project_id
        and linked_files.root_session_id = session_lines.root_session_id
        and linked_files.path = session_lines.path
        and linked_files.made_before >= session_lines.sent_at
        and (linked_files.made_after is null or linked_files.made_after < session_lines.sent_at)
    left join rarity
        on session_lines.project_id = rarity.project_id
        and session_lines.line_hash = rarity.line_hash
    where rarity.line_hash is null
    group by linked_files.project_id, linked_files.commit_sha, linked_files.file_index, session_lines.line_hash

),

counted as (

    select
        project_id,
        commit_sha,
        file_index,
        root_session_id,
        is_linked,
        lines as written_lines,
        0 as lost_lines

    from ranked_writes
    where write_rank = 1

    union all

    select
        project_id,
        commit_sha,
        file_index,
        root_session_id,
        true as is_linked,
        0 as written_lines,
        lost_lines

    from lost_lines
    where lost_lines > 0

),

final as (

    select
        project_id,
        commit_sha,
        file_index,
        root_session_id,
        is_linked,
        cast(sum(written_lines) as bigint) as written_lines,
        cast(sum(lost_lines) as bigint) as lost_lines

    from counted
    group by project_id, commit_sha, file_index, root_session_id, is_linked

)

select * from final
