with confidences as (

    select * from {{ ref('int_correlations__confidences') }}

),

signals as (

    select * from {{ ref('int_correlations__signals') }}

),

kinds as (

    select * from {{ ref('evidence_kinds') }}

),

weights as (

    select * from {{ ref('evidence_weights') }}
    where fold = 0

),

policies as (

    select * from {{ ref('int_commits__link_policies') }}

),

-- Time, words, person and branch never link alone: it takes content or a name.
methods as (

    select
        signals.project_id,
        signals.commit_sha,
        signals.root_session_id,
        max_by(
            signals.evidence_kind,
            (
                case kinds.evidence_class when 'identity' then 1 else 0 end,
                signals.strength * weights.weight,
                kinds.evidence_kind
            )
        ) as method,
        min(case
            when kinds.evidence_kind = 'session_id' then 1
            when kinds.evidence_class = 'identity' then 2
            else 3
        end) as tier

    from signals
    inner join kinds
        on signals.evidence_kind = kinds.evidence_kind
    inner join weights
        on signals.evidence_kind = weights.evidence_kind
    where kinds.evidence_class in ('identity', 'content')
    group by signals.project_id, signals.commit_sha, signals.root_session_id

),

final as (

    select
        -- ids
        confidences.project_id,
        confidences.commit_sha,
        confidences.root_session_id,
        confidences.fold,

        -- text
        methods.method,
        policies.policy_reason,
        case
            -- a revert and a commit without files hold no lines of a session; a name may still link them
            when policies.policy_reason in ('merge', 'bot') then policies.policy_reason
            when policies.policy_reason is not null and coalesce(methods.tier, 3) = 3 then policies.policy_reason
            when methods.method is null then 'no_content'
            when confidences.confidence < {{ var('accepted_confidence') }} then 'low_confidence'
        end as rejection_reason,

        -- numbers
        methods.tier,
        confidences.score,
        confidences.confidence,
        row_number() over (
            partition by confidences.project_id, confidences.commit_sha, confidences.fold
            order by
                case when methods.method is null then 1 else 0 end,
                confidences.confidence desc,
                confidences.score desc,
                confidences.root_session_id
        ) as link_rank

    from confidences
    left join methods
        on confidences.project_id = methods.project_id
        and confidences.commit_sha = methods.commit_sha
        and confidences.root_session_id = methods.root_session_id
    left join policies
        on confidences.project_id = policies.project_id
        and confidences.commit_sha = policies.commit_sha

)

select * from final
