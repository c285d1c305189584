-- A commit's files belong to a commit and add up; a merge has more than one parent; dates of the author's clock are on
-- the clock.
with commits as (

    select * from {{ ref('commits') }}

),

commit_files as (

    select * from {{ ref('commit_files') }}

),

file_counts as (

    select
        project_id,
        commit_sha,
        count(*) as files,
        coalesce(sum(insertions), 0) as insertions,
        coalesce(sum(deletions), 0) as deletions,
        max(file_index) - min(file_index) + 1 as file_positions

    from commit_files
    group by project_id, commit_sha

),

failures as (

    select
        'files with their commit' as expectation,
        file_counts.project_id,
        file_counts.commit_sha

    from file_counts
    left join commits
        on file_counts.project_id = commits.project_id
        and file_counts.commit_sha = commits.commit_sha
    where commits.commit_sha is null

    union all

    select
        'files and lines add up' as expectation,
        commits.project_id,
        commits.commit_sha

    from commits
    left join file_counts
        on commits.project_id = file_counts.project_id
        and commits.commit_sha = file_counts.commit_sha
    where
        commits.files != coalesce(file_counts.files, 0)
        or commits.files != coalesce(file_counts.file_positions, 0)
        or commits.insertions != coalesce(file_counts.insertions, 0)
        or commits.deletions != coalesce(file_counts.deletions, 0)

    union all

    select
        'a merge has more than one parent' as expectation,
        project_id,
        commit_sha

    from commits
    where is_merge is null or is_merge != coalesce(parent_count > 1, false)

    union all

    select
        'a parent exactly where parents are counted' as expectation,
        project_id,
        commit_sha

    from commits
    where coalesce(parent_count, 0) > 0 and first_parent_sha is null

    union all

    select
        'an hour and a weekday of the author' as expectation,
        project_id,
        commit_sha

    from commits
    where
        authored_local_hour not between 0 and 23
        or authored_local_weekday not between 1 and 7
        or (authored_local_hour is null) != (authored_at is null)

    union all

    select
        'a binary file has no line counts' as expectation,
        project_id,
        commit_sha

    from commit_files
    where is_binary != (insertions is null) or (insertions is null) != (deletions is null)

)

select * from failures
