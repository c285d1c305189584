with commits as (

    select * from {{ ref('stg_git__commits') }}

),

families as (

    select * from {{ ref('int_commits__families') }}

),

squashes as (

    select * from {{ ref('int_commits__squashes') }}

),

reflog as (

    select * from {{ ref('stg_git__reflog') }}

),

reachable as (

    select
        project_id,
        commit_sha,
        committed_at

    from commits
    where is_reachable

),

named as (

    select
        project_id,
        commit_sha

    from commits

    union

    select
        project_id,
        commit_sha

    from reflog

    union

    select
        project_id,
        previous_sha as commit_sha

    from reflog
    where previous_sha is not null

),

lost as (

    select
        named.project_id,
        named.commit_sha as lost_sha

    from named
    left join reachable
        on named.project_id = reachable.project_id
        and named.commit_sha = reachable.commit_sha
    where reachable.commit_sha is null

),

-- What an amend made of a commit; of several times the last.
amended as (

    select
        project_id,
        previous_sha as lost_sha,
        max_by(commit_sha, (moved_at, ref, entry_index)) as commit_sha

    from reflog
    where {{ matches('action', text_literal(var('amend_action'))) }} and previous_sha is not null
    group by project_id, previous_sha

),

-- What was amended is often amended again: from one commit to the next until there is none.
chain_0 as (

    select
        project_id,
        lost_sha,
        lost_sha as commit_sha

    from lost

),

{% for pass in range(1, var('amend_passes') + 1) %}
    chain_{{ pass }} as (

        select
            chain.project_id,
            chain.lost_sha,
            coalesce(amended.commit_sha, chain.commit_sha) as commit_sha

        from chain_{{ pass - 1 }} as chain
        left join lost
            on chain.project_id = lost.project_id
            and chain.commit_sha = lost.lost_sha
        left join amended
            on lost.project_id = amended.project_id
            and lost.lost_sha = amended.lost_sha

    ),

{% endfor %}
-- The copy of each family that a ref still reaches; of several the first.
kept_copies as (

    select
        families.project_id,
        families.family_id,
        min_by(reachable.commit_sha, (reachable.committed_at, reachable.commit_sha)) as commit_sha

    from families
    inner join reachable
        on families.project_id = reachable.project_id
        and families.commit_sha = reachable.commit_sha
    group by families.project_id, families.family_id

),

kept_squashes as (

    select
        squashes.project_id,
        squashes.contained_sha,
        min_by(reachable.commit_sha, (reachable.committed_at, reachable.commit_sha)) as commit_sha

    from squashes
    inner join reachable
        on squashes.project_id = reachable.project_id
        and squashes.squash_sha = reachable.commit_sha
    group by squashes.project_id, squashes.contained_sha

),

followed as (

    select
        chain.project_id,
        chain.lost_sha,
        amended_to.commit_sha as amended_sha,
        kept_copies.commit_sha as copy_sha,
        kept_squashes.commit_sha as squash_sha

    from chain_{{ var('amend_passes') }} as chain
    left join reachable as amended_to
        on chain.project_id = amended_to.project_id
        and chain.commit_sha = amended_to.commit_sha
    left join families
        on chain.project_id = families.project_id
        and chain.commit_sha = families.commit_sha
    left join kept_copies
        on families.project_id = kept_copies.project_id
        and families.family_id = kept_copies.family_id
    left join kept_squashes
        on chain.project_id = kept_squashes.project_id
        and chain.commit_sha = kept_squashes.contained_sha

),

final as (

    select
        project_id,
        lost_sha,
        coalesce(amended_sha, copy_sha, squash_sha) as commit_sha,
        case
            when amended_sha is not null then 'amend'
            when copy_sha is not null then 'copy'
            when squash_sha is not null then 'squash'
        end as found_by

    from followed

)

select * from final
