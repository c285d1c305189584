{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with signals as (

    select * from {{ ref('int_correlations__signals') }}
    where {{ in_changed_projects() }}

),

weights as (

    select * from {{ ref('evidence_weights') }}

),

folds as (

    select * from {{ ref('int_correlations__folds') }}
    where {{ in_changed_projects() }}

),

candidates as (

    select * from {{ ref('int_correlations__candidates') }}
    where {{ in_changed_projects() }}

),

measures as (

    select * from {{ ref('int_correlations__measures') }}
    where {{ in_changed_projects() }}

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

judged as (

    select
        scores.*,
        nobody.score as nobody_score,
        writers.root_session_id is not null as is_writer

    from scores
    inner join nobody
        on scores.fold = nobody.fold
    left join writers
        on scores.project_id = writers.project_id
        and scores.commit_sha = writers.commit_sha
        and scores.root_session_id = writers.root_session_id

),

compared as (

    select
        *,
        greatest(nobody_score, max(score) over commits) as best_score,
        greatest(nobody_score, max(score) filter (where not is_writer) over commits) as best_rival_score

    from judged
    window commits as (partition by project_id, commit_sha, fold)

),

-- Whole numbers, so that their sum is the same in any order; one of those that are summed is 1, so that none is 0.
odds as (

    select
        *,
        cast(round(1000000000 * exp(score - best_score)) as bigint) as odds,
        cast(round(1000000000 * exp(nobody_score - best_score)) as bigint) as nobody_odds,
        case when is_writer then 0 else cast(round(1000000000 * exp(score - best_rival_score)) as bigint) end
            as rival_odds,
        cast(round(1000000000 * exp(nobody_score - best_rival_score)) as bigint) as nobody_rival_odds

    from compared

),

sums as (

    select
        *,
        nobody_odds + sum(odds) over commits as all_odds,
        nobody_rival_odds + sum(rival_odds) over commits as rivals_odds

    from odds
    window commits as (partition by project_id, commit_sha, fold)

),

-- A writer competes with nobody and with those who are no writers, however far another writer is ahead.
final as (

    select
        project_id,
        commit_sha,
        root_session_id,
        fold,
        round(score, 6) as score,
        is_writer,
        round(
            case
                when is_writer
                    then 1 / (1 + rivals_odds / 1000000000.0 * exp(best_rival_score - score))
                else odds / all_odds
            end,
            6
        ) as share

    from sums

)

select * from final
