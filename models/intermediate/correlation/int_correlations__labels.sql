with labels as (

    select * from {{ ref('stg_validation__labels') }}
    where label_kind = 'session_commit' and is_sure and session_id is not null

),

identities as (

    select * from {{ ref('int_sessions__identities') }}

),

-- A subagent's work is its session's; that it has no part in a commit says nothing of the session.
resolved as (

    select
        labels.project_id,
        labels.label_set,
        labels.commit_sha,
        coalesce(identities.root_session_id, labels.session_id) as root_session_id,
        labels.label = 'linked' as is_linked

    from labels
    left join identities
        on labels.session_id = identities.session_id
    where labels.label = 'linked' or identities.parent_session_id is null

),

final as (

    select
        project_id,
        label_set,
        commit_sha,
        root_session_id,
        bool_or(is_linked) as is_linked

    from resolved
    group by project_id, label_set, commit_sha, root_session_id

)

select * from final
