with branches as (

    select * from {{ ref('int_commits__branches') }}

),

families as (

    select * from {{ ref('int_commits__families') }}

),

squashes as (

    select * from {{ ref('int_commits__squashes') }}

),

-- A copy was made where its original was, a squash where what it holds was.
origins as (

    select
        commits.project_id,
        commits.commit_sha,
        origins.commit_sha as origin_sha

    from families as commits
    inner join families as origins
        on commits.project_id = origins.project_id
        and commits.family_id = origins.family_id

    union

    select
        project_id,
        squash_sha as commit_sha,
        contained_sha as origin_sha

    from squashes

),

final as (

    select distinct
        origins.project_id,
        origins.commit_sha,
        branches.branch

    from origins
    inner join branches
        on origins.project_id = branches.project_id
        and origins.origin_sha = branches.commit_sha

)

select * from final
