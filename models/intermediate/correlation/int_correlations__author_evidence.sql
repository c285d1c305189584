{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with candidates as (

    select * from {{ ref('int_correlations__candidates') }}
    where {{ in_changed_projects() }}

),

commits as (

    select
        stg.project_id,
        stg.commit_sha,
        families.family_id,
        lower(stg.author_email) as author_email

    from {{ ref('stg_git__commits') }} as stg
    inner join {{ ref('int_commits__families') }} as families
        on stg.project_id = families.project_id
        and stg.commit_sha = families.commit_sha
    where {{ in_changed_projects('stg.project_id') }}

),

homes as (

    select
        states.project_id,
        states.root_session_id,
        -- a session that names no directory has no home
        coalesce(
            regexp_extract({{ comparable_path('projects.first_cwd') }}, {{ text_literal(var('home_directory')) }}), ''
        ) as home

    from {{ ref('int_sessions__states') }} as states
    inner join {{ ref('int_sessions__projects') }} as projects
        on states.root_session_id = projects.root_session_id
    where {{ in_changed_projects('states.project_id') }}

),

home_counts as (

    select
        project_id,
        count(distinct home) as homes

    from homes
    group by project_id

),

-- Which homes the lines of an author's commits come from, in commits (millionths).
shares as (

    select
        commits.project_id,
        commits.author_email,
        commits.family_id,
        homes.home,
        sum(cast(round(1000000 * line_evidence.last_weight / totals.commit_added_weight) as bigint)) as share

    from {{ ref('int_correlations__line_evidence') }} as line_evidence
    inner join commits
        on line_evidence.project_id = commits.project_id
        and line_evidence.commit_sha = commits.commit_sha
    inner join homes
        on line_evidence.root_session_id = homes.root_session_id
    inner join {{ ref('int_commits__change_totals') }} as totals
        on line_evidence.project_id = totals.project_id
        and line_evidence.commit_sha = totals.commit_sha
    where line_evidence.side = 'added' and totals.commit_added_weight > 0
    group by commits.project_id, commits.author_email, commits.family_id, homes.home

),

by_home as (

    select
        project_id,
        author_email,
        home,
        sum(share) as share

    from shares
    group by project_id, author_email, home

),

by_author as (

    select
        project_id,
        author_email,
        sum(share) as share

    from shares
    group by project_id, author_email

),

by_family as (

    select
        project_id,
        author_email,
        family_id,
        sum(share) as share

    from shares
    group by project_id, author_email, family_id

),

-- A commit says nothing of itself: its own family is left out.
final as (

    select
        candidates.project_id,
        candidates.commit_sha,
        candidates.root_session_id,
        homes.home,
        round((
            coalesce(by_home.share, 0) - coalesce(own.share, 0)
            + 1000000 * {{ var('author_prior_commits') }} / home_counts.homes
        ) / (
            coalesce(by_author.share, 0) - coalesce(by_family.share, 0) + 1000000 * {{ var('author_prior_commits') }}
        ), 6) as author_share

    from candidates
    inner join commits
        on candidates.project_id = commits.project_id
        and candidates.commit_sha = commits.commit_sha
    inner join homes
        on candidates.root_session_id = homes.root_session_id
    inner join home_counts
        on candidates.project_id = home_counts.project_id
    left join by_home
        on candidates.project_id = by_home.project_id
        and commits.author_email = by_home.author_email
        and homes.home = by_home.home
    left join by_author
        on candidates.project_id = by_author.project_id
        and commits.author_email = by_author.author_email
    left join by_family
        on candidates.project_id = by_family.project_id
        and commits.author_email = by_family.author_email
        and commits.family_id = by_family.family_id
    left join shares as own
        on candidates.project_id = own.project_id
        and commits.author_email = own.author_email
        and commits.family_id = own.family_id
        and homes.home = own.home

)

select * from final
