with commits as (

    select * from {{ ref('stg_git__commits') }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

),

policies as (

    select * from {{ ref('int_commits__link_policies') }}

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
        policies.is_merge,
        policies.is_bot,
        typed.is_reachable,
        typed.is_boundary,

        -- times
        typed.authored_at,
        typed.committed_at

    from typed
    left join file_counts
        on typed.project_id = file_counts.project_id
        and typed.commit_sha = file_counts.commit_sha
    inner join policies
        on typed.project_id = policies.project_id
        and typed.commit_sha = policies.commit_sha
    left join attributed
        on typed.project_id = attributed.project_id
        and typed.commit_sha = attributed.commit_sha
    left join conventional_types
        on typed.subject_prefix = conventional_types.commit_type

)

select * from final
