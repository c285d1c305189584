{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with matches as (

    select * from {{ ref('int_correlations__line_matches') }}
    where {{ in_changed_projects() }}

),

rarity as (

    select * from {{ ref('int_commits__line_rarity') }}
    where {{ in_changed_projects() }}

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

final as (

    select
        -- ids
        root_session_id,
        project_id,
        commit_sha,
        max_by(file_id, (is_last, line_weight, written_at, line_hash)) as file_id,

        -- text
        side,
        max_by(path, (is_last, line_weight, written_at, line_hash)) as path,

        -- numbers
        max_by(line_number, (is_last, line_weight, written_at, line_hash)) as line_number,
        count(*) as matched_lines,
        count(*) filter (where is_last) as last_lines,
        cast(sum(line_weight) as bigint) as matched_weight,
        cast(coalesce(sum(line_weight) filter (where is_last), 0) as bigint) as last_weight,

        -- times
        max(written_at) as last_written_at

    from ranked
    group by root_session_id, project_id, commit_sha, side

)

select * from final
