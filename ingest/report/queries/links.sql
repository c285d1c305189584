-- Accepted links, the newest commits first, each with the three strongest pieces of evidence: identity and content before context.
with details as (

    select
        project_id,
        commit_sha,
        session_id,
        detail,
        max_by(evidence_kind, contribution) as evidence_kind,
        bool_and(evidence_class = 'context') as is_context,
        max(contribution) as contribution
    from correlation_evidence
    where contribution > 0
    group by all

),

evidence as (

    select
        project_id,
        commit_sha,
        session_id,
        list(
            replace(evidence_kind, '_', ' ') || ': ' || left(detail, 300)
            order by is_context, contribution desc, evidence_kind
        )[:3] as evidence
    from details
    group by all

)

select
    correlations.project_id,
    correlations.commit_sha,
    left(commits.subject, 300) as subject,
    correlations.session_id,
    left(coalesce(sessions.title, sessions.first_prompt), 300) as title,
    correlations.confidence,
    correlations.method,
    evidence.evidence,
    local_time(correlations.authored_at) as authored
from correlations
inner join commits
    on correlations.project_id = commits.project_id
    and correlations.commit_sha = commits.commit_sha
left join sessions
    on correlations.session_id = sessions.session_id
left join evidence
    on correlations.project_id = evidence.project_id
    and correlations.commit_sha = evidence.commit_sha
    and correlations.session_id = evidence.session_id
where correlations.is_accepted
order by correlations.authored_at desc nulls last, correlations.commit_sha, correlations.session_id
