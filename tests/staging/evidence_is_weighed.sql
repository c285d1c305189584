-- Each kind of evidence has a weight in each fold, with the sign of its direction, and each fold has a score that a
-- session must beat. The points of the calibration rise, from no share of the odds to all of them.
with kinds as (

    select * from {{ ref('evidence_kinds') }}

),

weights as (

    select * from {{ ref('evidence_weights') }}

),

points as (

    select
        *,
        lag(confidence) over (partition by fold order by share) as confidence_before

    from {{ ref('confidence_points') }}

),

weighed_kinds as (

    select evidence_kind from kinds

    union all

    select 'nobody' as evidence_kind

),

folds as (

    {% for fold in range(var('correlation_folds') + 1) %}
        select {{ fold }} as fold
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

failures as (

    select
        'a weight in each fold' as expectation,
        folds.fold,
        weighed_kinds.evidence_kind as subject

    from folds
    cross join weighed_kinds
    left join weights
        on folds.fold = weights.fold
        and weighed_kinds.evidence_kind = weights.evidence_kind
    where weights.weight is null

    union all

    select
        'a weight that is a number' as expectation,
        fold,
        evidence_kind as subject

    from weights
    -- not a number is more than every number
    where abs(weight) > 1000

    union all

    select
        'a known fold and kind' as expectation,
        weights.fold,
        weights.evidence_kind as subject

    from weights
    left join kinds
        on weights.evidence_kind = kinds.evidence_kind
    left join folds
        on weights.fold = folds.fold
    where folds.fold is null or (kinds.evidence_kind is null and weights.evidence_kind != 'nobody')

    union all

    select
        'a weight with the sign of its direction' as expectation,
        weights.fold,
        weights.evidence_kind as subject

    from weights
    inner join kinds
        on weights.evidence_kind = kinds.evidence_kind
    where
        case kinds.direction
            when 'for' then weights.weight < 0
            when 'against' then weights.weight > 0
            else true
        end

    union all

    select
        'a known class' as expectation,
        cast(null as integer) as fold,
        evidence_kind as subject

    from kinds
    where coalesce(evidence_class, '') not in ('identity', 'content', 'context')

    union all

    select
        'points of a known fold' as expectation,
        points.fold,
        cast(points.share as {{ dbt.type_string() }}) as subject

    from points
    left join folds
        on points.fold = folds.fold
    where folds.fold is null or points.share is null

    union all

    select
        'points from no share to all' as expectation,
        folds.fold,
        null as subject

    from folds
    left join points
        on folds.fold = points.fold
    group by folds.fold
    having count(points.share) = 0 or min(points.share) != 0 or max(points.share) != 1

    union all

    select
        'a confidence that rises with the share' as expectation,
        fold,
        cast(share as {{ dbt.type_string() }}) as subject

    from points
    where confidence < confidence_before or coalesce(confidence not between 0 and 1, true)

)

select * from failures
