with states as (

    select * from {{ ref('int_commits__states') }}

),

commits as (

    select * from {{ ref('stg_git__commits') }}

),

-- A copy holds what its original held: what came later cannot be in it.
authored as (

    select
        families.project_id,
        families.commit_sha,
        min(commits.authored_at) over (partition by families.project_id, families.family_id) as authored_at

    from {{ ref('int_commits__families') }} as families
    inner join commits
        on families.project_id = commits.project_id
        and families.commit_sha = commits.commit_sha

),

line_changes as (

    select * from {{ ref('int_commits__line_changes') }}

),

rarity as (

    select * from {{ ref('int_commits__line_rarity') }}

),

-- Common lines are no evidence: which lines of a commit are common is part of what its matches are built from.
common_lines as (

    select
        commit_id,
        {{ set_fingerprint('line') }} as common_lines_hash

    from (
        select distinct
            line_changes.commit_id,
            line_changes.side || line_changes.line_hash as line

        from line_changes
        inner join rarity
            on line_changes.project_id = rarity.project_id
            and line_changes.side = rarity.side
            and line_changes.line_hash = rarity.line_hash
        where rarity.is_common
    ) as common
    group by commit_id

),

final as (

    select
        states.commit_id,
        states.project_id,
        states.commit_sha,
        -- what a session wrote later cannot be in the commit; clocks of two machines may differ a little
        authored.authored_at + interval '{{ var('commit_clock_slack_seconds') }} seconds' as made_before,
        md5(concat_ws('|', states.state_hash, authored.authored_at, common_lines.common_lines_hash)) as state_hash

    from states
    inner join authored
        on states.project_id = authored.project_id
        and states.commit_sha = authored.commit_sha
    left join common_lines
        on states.commit_id = common_lines.commit_id

)

select * from final
