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

families as (

    select * from {{ ref('int_commits__families') }}

),

correlations as (

    select * from {{ ref('correlations') }}

),

-- The accepted links of a commit, or why it has none: what is against its best candidate.
links as (

    select
        project_id,
        commit_sha,
        count(*) filter (where is_accepted) as linked_sessions,
        min_by(session_id, link_rank) filter (where is_accepted) as linked_session_id,
        min_by(confidence, link_rank) filter (where is_accepted) as link_confidence,
        min_by(rejection_reason, link_rank) as rejection_reason

    from correlations
    group by project_id, commit_sha

),

agent_counts as (

    select
        project_id,
        commit_sha,
        cast(sum(agent_lines) as bigint) as agent_lines,
        {{ agent_share('sum(agent_lines)', 'sum(added_lines - unknown_lines)') }} as agent_line_share

    from {{ ref('commit_attribution') }}
    group by project_id, commit_sha

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
        families.family_id,
        families.copy_of_sha,
        links.linked_session_id,

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
        case
            when links.linked_session_id is null
                then coalesce(policies.policy_reason, links.rejection_reason, 'no_candidate')
        end as unlinked_reason,

        -- numbers
        coalesce(links.linked_sessions, 0) as linked_sessions,
        links.link_confidence,
        agent_counts.agent_lines,
        agent_counts.agent_line_share,
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
    left join families
        on typed.project_id = families.project_id
        and typed.commit_sha = families.commit_sha
    left join links
        on typed.project_id = links.project_id
        and typed.commit_sha = links.commit_sha
    left join agent_counts
        on typed.project_id = agent_counts.project_id
        and typed.commit_sha = agent_counts.commit_sha
    left join attributed
        on typed.project_id = attributed.project_id
        and typed.commit_sha = attributed.commit_sha
    left join conventional_types
        on typed.subject_prefix = conventional_types.commit_type

)

select * from final
