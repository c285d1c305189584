with commits as (

    select * from {{ ref('stg_git__commits') }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

),

bots as (

    select * from {{ ref('bot_authors') }}

),

attributed as (

    select * from {{ ref('int_commits__attribution') }}

),

conventional_types as (

    select * from {{ ref('conventional_types') }}

),

file_counts as (

    select
        project_id,
        commit_sha,
        count(*) as files,
        cast(sum(insertions) as bigint) as insertions,
        cast(sum(deletions) as bigint) as deletions

    from commit_files
    group by project_id, commit_sha

),

bot_commits as (

    select distinct
        commits.project_id,
        commits.commit_sha

    from commits
    inner join bots
        on {{ matches('commits.author_name', 'bots.pattern') }}
        or {{ matches('commits.author_email', 'bots.pattern') }}

),

typed as (

    select
        *,
        regexp_extract(subject, '^([a-z]+)(\([^)]*\))?!?: ', 1) as subject_prefix

    from commits

),

final as (

    select
        -- ids
        typed.commit_sha,
        typed.project_id,
        typed.first_parent_sha,

        -- text
        typed.author_name,
        typed.author_email,
        typed.committer_name,
        typed.committer_email,
        typed.subject,
        typed.message,
        typed.source_ref,
        conventional_types.commit_type,
        attributed.ai_attribution,

        -- numbers
        typed.parent_count,
        coalesce(file_counts.files, 0) as files,
        coalesce(file_counts.insertions, 0) as insertions,
        coalesce(file_counts.deletions, 0) as deletions,
        cast(extract(hour from typed.authored_local_at) as integer) as authored_local_hour,
        cast({{ iso_weekday('typed.authored_local_at') }} as integer) as authored_local_weekday,

        -- booleans
        coalesce(typed.parent_count > 1, false) as is_merge,
        bot_commits.commit_sha is not null as is_bot,
        typed.is_reachable,
        typed.is_boundary,

        -- times
        typed.authored_at,
        typed.committed_at

    from typed
    left join file_counts
        on typed.project_id = file_counts.project_id
        and typed.commit_sha = file_counts.commit_sha
    left join bot_commits
        on typed.project_id = bot_commits.project_id
        and typed.commit_sha = bot_commits.commit_sha
    left join attributed
        on typed.project_id = attributed.project_id
        and typed.commit_sha = attributed.commit_sha
    left join conventional_types
        on typed.subject_prefix = conventional_types.commit_type

)

select * from final
