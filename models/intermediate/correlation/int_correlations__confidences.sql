with scores as (

    select * from {{ ref('int_correlations__scores') }}

),

points as (

    select
        fold,
        share as from_share,
        confidence as from_confidence,
        lead(share) over (partition by fold order by share) as to_share,
        lead(confidence) over (partition by fold order by share) as to_confidence

    from {{ ref('confidence_points') }}

),

-- Between two points of the calibration the confidence is on the line that joins them.
final as (

    select
        scores.project_id,
        scores.commit_sha,
        scores.root_session_id,
        scores.fold,
        scores.score,
        scores.share,
        round(
            points.from_confidence + (points.to_confidence - points.from_confidence)
            * (scores.share - points.from_share) / (points.to_share - points.from_share),
            6
        ) as confidence

    from scores
    inner join points
        on scores.fold = points.fold
        and scores.share >= points.from_share
        and (scores.share < points.to_share or (scores.share = 1 and points.to_share = 1))

)

select * from final
