with signals as (

    select * from {{ ref('int_correlations__signals') }}

),

weights as (

    select * from {{ ref('evidence_weights') }}

),

folds as (

    select * from {{ ref('int_correlations__folds') }}

),

candidates as (

    select * from {{ ref('int_correlations__candidates') }}

),

measures as (

    select * from {{ ref('int_correlations__measures') }}

),

nobody as (

    select
        fold,
        weight as score

    from weights
    where evidence_kind = 'nobody'

),

-- Fold 0 is fitted to all labels; a labelled commit is also scored by the weights that never saw its session.
scored_folds as (

    select
        project_id,
        commit_sha,
        root_session_id,
        0 as fold

    from candidates

    union all

    select
        candidates.project_id,
        candidates.commit_sha,
        candidates.root_session_id,
        folds.fold

    from candidates
    inner join folds
        on candidates.project_id = folds.project_id
        and candidates.commit_sha = folds.commit_sha

),

-- Sums of integers (millionths): the same to the last digit in any order.
scores as (

    select
        scored_folds.project_id,
        scored_folds.commit_sha,
        scored_folds.root_session_id,
        scored_folds.fold,
        coalesce(sum(cast(round(1000000 * signals.strength * weights.weight) as bigint)), 0) / 1000000.0 as score

    from scored_folds
    left join signals
        on scored_folds.project_id = signals.project_id
        and scored_folds.commit_sha = signals.commit_sha
        and scored_folds.root_session_id = signals.root_session_id
    left join weights
        on signals.evidence_kind = weights.evidence_kind
        and scored_folds.fold = weights.fold
    group by
        scored_folds.project_id, scored_folds.commit_sha, scored_folds.root_session_id, scored_folds.fold

),

-- Sessions that each wrote a good part of a commit's lines share it: they are no rivals.
writers as (

    select
        project_id,
        commit_sha,
        root_session_id

    from measures
    where
        commit_added_weight > 0
        and last_added_weight >= {{ var('shared_commit_share') }} * commit_added_weight

),

odds as (

    select
        scores.*,
        nobody.score as nobody_score,
        writers.root_session_id is not null as is_writer,
        cast(round(1000000000 * exp(scores.score - greatest(
            nobody.score,
            max(scores.score) over (partition by scores.project_id, scores.commit_sha, scores.fold)
        ))) as bigint) as odds,
        cast(round(1000000000 * exp(nobody.score - greatest(
            nobody.score,
            max(scores.score) over (partition by scores.project_id, scores.commit_sha, scores.fold)
        ))) as bigint) as nobody_odds

    from scores
    inner join nobody
        on scores.fold = nobody.fold
    left join writers
        on scores.project_id = writers.project_id
        and scores.commit_sha = writers.commit_sha
        and scores.root_session_id = writers.root_session_id

),

final as (

    select
        project_id,
        commit_sha,
        root_session_id,
        fold,
        round(score, 6) as score,
        is_writer,
        round(odds / (
            nobody_odds + odds + sum(odds) over commits - odds
            - case
                when is_writer then coalesce(sum(odds) filter (where is_writer) over commits, 0) - odds
                else 0
            end
        ), 6) as share

    from odds
    window commits as (partition by project_id, commit_sha, fold)

)

select * from final
