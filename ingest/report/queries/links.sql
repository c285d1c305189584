-- Accepted links, the newest commits first, each with the three strongest pieces of evidence:
-- identity and content before context.
with accepted as (

    select *
    from correlations
    where is_accepted

),

details as (

    select
        project_id,
        commit_sha,
        session_id,
        detail,
        max_by(evidence_kind, contribution) as evidence_kind,
        bool_and(evidence_class = 'context') as is_context,
        max(contribution) as contribution
    from correlation_evidence
    inner join accepted using (project_id, commit_sha, session_id)
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
    accepted.project_id,
    accepted.commit_sha,
    left(commits.subject, 300) as subject,
    accepted.session_id,
    left(coalesce(sessions.title, sessions.first_prompt), 300) as title,
    accepted.confidence,
    accepted.method,
    evidence.evidence,
    local_time(accepted.authored_at) as authored
from accepted
inner join commits
    on accepted.project_id = commits.project_id
    and accepted.commit_sha = commits.commit_sha
left join sessions
    on accepted.session_id = sessions.session_id
left join evidence
    on accepted.project_id = evidence.project_id
    and accepted.commit_sha = evidence.commit_sha
    and accepted.session_id = evidence.session_id
order by accepted.authored_at desc nulls last, accepted.commit_sha, accepted.session_id
