with matches as (

    select * from {{ ref('int_correlations__line_matches') }}

),

rarity as (

    select * from {{ ref('int_commits__line_rarity') }}

),

commit_lines as (

    select
        line_changes.project_id,
        line_changes.commit_sha,
        line_changes.side,
        line_changes.line_hash

    from {{ ref('int_commits__line_changes') }} as line_changes
    group by line_changes.project_id, line_changes.commit_sha, line_changes.side, line_changes.line_hash

),

totals as (

    select
        commit_lines.project_id,
        commit_lines.commit_sha,
        commit_lines.side,
        count(*) as commit_lines,
        cast(sum({{ line_weight('rarity.families') }}) as bigint) as commit_weight

    from commit_lines
    inner join rarity
        on commit_lines.project_id = rarity.project_id
        and commit_lines.side = rarity.side
        and commit_lines.line_hash = rarity.line_hash
    group by commit_lines.project_id, commit_lines.commit_sha, commit_lines.side

),

-- Of several sessions that wrote a line, the last before the commit had it in its hands.
ranked as (

    select
        matches.*,
        {{ line_weight('rarity.families') }} as line_weight,
        row_number() over (
            partition by matches.commit_id, matches.side, matches.line_hash
            order by matches.written_at desc, matches.root_session_id desc
        ) = 1 as is_last

    from matches
    inner join rarity
        on matches.project_id = rarity.project_id
        and matches.side = rarity.side
        and matches.line_hash = rarity.line_hash

),

pairs as (

    select
        root_session_id,
        project_id,
        commit_sha,
        side,
        count(*) as matched_lines,
        count(*) filter (where is_last) as last_lines,
        cast(sum(line_weight) as bigint) as matched_weight,
        cast(coalesce(sum(line_weight) filter (where is_last), 0) as bigint) as last_weight,
        max(written_at) as last_written_at,
        max_by(file_id, (is_last, line_weight, written_at, line_hash)) as file_id,
        max_by(line_number, (is_last, line_weight, written_at, line_hash)) as line_number,
        max_by(path, (is_last, line_weight, written_at, line_hash)) as path

    from ranked
    group by root_session_id, project_id, commit_sha, side

),

final as (

    select
        -- ids
        pairs.root_session_id,
        pairs.project_id,
        pairs.commit_sha,
        pairs.file_id,

        -- text
        pairs.side,
        pairs.path,

        -- numbers
        pairs.line_number,
        pairs.matched_lines,
        pairs.last_lines,
        totals.commit_lines,
        pairs.matched_weight,
        pairs.last_weight,
        totals.commit_weight,

        -- times
        pairs.last_written_at

    from pairs
    inner join totals
        on pairs.project_id = totals.project_id
        and pairs.commit_sha = totals.commit_sha
        and pairs.side = totals.side

)

select * from final
