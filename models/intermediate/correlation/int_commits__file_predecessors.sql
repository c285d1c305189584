with commits as (

    select
        match_states.project_id,
        match_states.commit_sha,
        match_states.made_before,
        commits.author_email

    from {{ ref('int_commits__match_states') }} as match_states
    inner join {{ ref('stg_git__commits') }} as commits
        on match_states.project_id = commits.project_id
        and match_states.commit_sha = commits.commit_sha
    where
        commits.author_email is not null
        and match_states.made_before is not null

),

files as (

    {{ commit_paths() }}

),

-- Copies of a commit count as made when their original was: all of a family are one moment.
moments as (

    select
        commits.project_id,
        commits.author_email,
        files.path,
        commits.made_before,
        lag(commits.made_before) over (
            partition by commits.project_id, commits.author_email, files.path
            order by commits.made_before
        ) as previous_made_before

    from commits
    inner join files
        on commits.project_id = files.project_id
        and commits.commit_sha = files.commit_sha
    group by commits.project_id, commits.author_email, files.path, commits.made_before

),

final as (

    select
        commits.project_id,
        commits.commit_sha,
        moments.path,
        moments.previous_made_before

    from commits
    inner join files
        on commits.project_id = files.project_id
        and commits.commit_sha = files.commit_sha
    inner join moments
        on commits.project_id = moments.project_id
        and commits.author_email = moments.author_email
        and files.path = moments.path
        and commits.made_before = moments.made_before
    where moments.previous_made_before is not null

)

select * from final
