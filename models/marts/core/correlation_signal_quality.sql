with truths as (

    select * from {{ ref('int_correlations__truths') }}
    where not is_in_sample and coalesce(rejection_reason, '') not in ('merge', 'bot')

),

signals as (

    select * from {{ ref('int_correlations__signals') }}

),

kinds as (

    select * from {{ ref('evidence_kinds') }}

),

commits as (

    select
        project_id,
        label_set,
        count(distinct commit_sha) filter (where named_sessions > 0) as named_commits

    from truths
    group by project_id, label_set

),

-- A kind alone, without the others: where it is found, and where it is strongest among the candidates of a commit.
ranked as (

    select
        truths.project_id,
        truths.label_set,
        truths.commit_sha,
        signals.evidence_kind,
        truths.is_right,
        rank() over (
            partition by truths.project_id, truths.label_set, truths.commit_sha, signals.evidence_kind
            order by signals.strength desc
        ) as strength_rank

    from truths
    inner join signals
        on truths.project_id = signals.project_id
        and truths.commit_sha = signals.commit_sha
        and truths.root_session_id = signals.root_session_id

),

counted as (

    select
        project_id,
        label_set,
        evidence_kind,
        count(*) as pairs,
        count(*) filter (where is_right) as right_pairs,
        count(distinct commit_sha) filter (where is_right) as right_commits,
        count(*) filter (where strength_rank = 1) as strongest_pairs,
        count(*) filter (where strength_rank = 1 and is_right) as right_strongest_pairs,
        count(distinct commit_sha) filter (where strength_rank = 1 and is_right) as right_strongest_commits

    from ranked
    group by project_id, label_set, evidence_kind

),

final as (

    select
        -- ids
        counted.project_id,
        counted.label_set,

        -- text
        counted.evidence_kind,
        kinds.evidence_class,

        -- numbers
        commits.named_commits,
        counted.pairs,
        counted.right_pairs,
        {{ share_with_bounds('counted.right_pairs', 'counted.pairs', 'precision') }},
        {{ share_with_bounds('counted.right_commits', 'commits.named_commits', 'recall') }},
        counted.strongest_pairs,
        counted.right_strongest_pairs,
        {{ share_with_bounds('counted.right_strongest_pairs', 'counted.strongest_pairs', 'strongest_precision') }},
        {{ share_with_bounds('counted.right_strongest_commits', 'commits.named_commits', 'strongest_recall') }}

    from counted
    inner join commits
        on counted.project_id = commits.project_id
        and counted.label_set = commits.label_set
    inner join kinds
        on counted.evidence_kind = kinds.evidence_kind

)

select * from final
