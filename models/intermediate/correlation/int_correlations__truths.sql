with links as (

    select * from {{ ref('int_correlations__links') }}

),

labels as (

    select * from {{ ref('int_correlations__labels') }}

),

folds as (

    select * from {{ ref('int_correlations__folds') }}

),

-- Who is named for a commit, and who is ruled out. Where somebody is named, everybody else is wrong.
named as (

    select
        project_id,
        label_set,
        commit_sha,
        count(*) filter (where is_linked) as sessions

    from labels
    group by project_id, label_set, commit_sha

),

-- A commit that the weights were fitted to is judged by the weights that never saw it, and once more by those that did.
final as (

    select
        links.project_id,
        named.label_set,
        links.commit_sha,
        links.root_session_id,
        links.fold = 0 and folds.fold is not null as is_in_sample,
        links.link_rank,
        links.confidence,
        links.method,
        links.rejection_reason,
        coalesce(labels.is_linked, false) as is_right,
        named.sessions as named_sessions

    from links
    inner join named
        on links.project_id = named.project_id
        and links.commit_sha = named.commit_sha
    left join labels
        on links.project_id = labels.project_id
        and links.commit_sha = labels.commit_sha
        and links.root_session_id = labels.root_session_id
        and named.label_set = labels.label_set
    left join folds
        on links.project_id = folds.project_id
        and links.commit_sha = folds.commit_sha
    where (named.sessions > 0 or labels.root_session_id is not null)

)

select * from final
