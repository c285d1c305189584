-- A link has content or a name behind it, in a project whose links are precise enough; ranks and evidence agree with
-- it.
with correlations as (

    select * from {{ ref('correlations') }}

),

evidence as (

    select * from {{ ref('correlation_evidence') }}

),

quality as (

    select * from {{ ref('correlation_quality') }}

),

failed as (

    select distinct project_id from quality
    where gate = 'failed'

),

policies as (

    select * from {{ ref('int_commits__link_policies') }}

),

sessions as (

    select * from {{ ref('sessions') }}
    where parent_session_id is null

),

commits as (

    select * from {{ ref('commits') }}

),

evidence_sums as (

    select
        project_id,
        commit_sha,
        session_id,
        sum(contribution) as contributions,
        count(*) filter (where evidence_class in ('identity', 'content')) as linking_kinds

    from evidence
    group by project_id, commit_sha, session_id

),

judged as (

    select
        correlations.*,
        coalesce(evidence_sums.contributions, 0) as contributions,
        coalesce(evidence_sums.linking_kinds, 0) as linking_kinds,
        policies.policy_reason,
        sessions.session_id is not null as has_session,
        commits.commit_sha is not null as has_commit,
        failed.project_id is not null as has_failed_gate

    from correlations
    left join evidence_sums
        on correlations.project_id = evidence_sums.project_id
        and correlations.commit_sha = evidence_sums.commit_sha
        and correlations.session_id = evidence_sums.session_id
    left join policies
        on correlations.project_id = policies.project_id
        and correlations.commit_sha = policies.commit_sha
    left join sessions
        on correlations.project_id = sessions.project_id
        and correlations.session_id = sessions.session_id
    left join commits
        on correlations.project_id = commits.project_id
        and correlations.commit_sha = commits.commit_sha
    left join failed
        on correlations.project_id = failed.project_id

),

pair_failures as (

    {% for expectation, condition in [
        ('a link has identity or content', 'is_accepted and linking_kinds = 0'),
        ('a method exactly with identity or content', '(method is null) != (linking_kinds = 0)'),
        ('no link where the gate failed', 'is_accepted and has_failed_gate'),
        ('no link of a merge or a bot', "is_accepted and policy_reason in ('merge', 'bot')"),
        ('accepted exactly without a reason against it', 'is_accepted is distinct from (rejection_reason is null)'),
        ('a band for every confidence', 'coalesce(confidence not between 0 and 1, true) or band is null'),
        ('the score is the sum of the evidence', 'abs(score - contributions) > 0.0001'),
        ('a session and a commit of the project', 'not has_session or not has_commit'),
    ] %}
        select
            '{{ expectation }}' as expectation,
            project_id,
            commit_sha,
            session_id

        from judged
        where {{ condition }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

failures as (

    select * from pair_failures

    union all

    select
        'ranks from 1 without gaps' as expectation,
        project_id,
        commit_sha,
        null as session_id

    from correlations
    group by project_id, commit_sha
    having min(link_rank) != 1 or max(link_rank) != count(*) or count(distinct link_rank) != count(*)

    union all

    select
        'confidence falls with the rank' as expectation,
        project_id,
        commit_sha,
        session_id

    from (
        select
            *,
            lag(confidence) over (partition by project_id, commit_sha order by link_rank) as better_confidence

        from correlations
        where method is not null
    ) as ranked
    where confidence > better_confidence

    union all

    select
        'strength times weight' as expectation,
        project_id,
        commit_sha,
        session_id

    from evidence
    where
        strength not between 0 and 1
        or abs(contribution - strength * weight) > 0.000001
        or (session_path is null) != (file_id is null)

    union all

    select
        'evidence of a pair that is there' as expectation,
        evidence.project_id,
        evidence.commit_sha,
        evidence.session_id

    from evidence
    left join correlations
        on evidence.project_id = correlations.project_id
        and evidence.commit_sha = correlations.commit_sha
        and evidence.session_id = correlations.session_id
    where correlations.session_id is null

    union all

    select
        'a precision within its bounds' as expectation,
        project_id,
        null as commit_sha,
        null as session_id

    from quality
    where
        right_pairs > pairs
        or precision not between coalesce(precision_low, 0) and coalesce(precision_high, 1)
        or recall not between coalesce(recall_low, 0) and coalesce(recall_high, 1)

)

select * from failures
