{#- Every cut of the confidence that is reported: thresholds, the one that links are accepted by, and bands. -#}
{%- set cuts = [] -%}
{%- do cuts.append(('accepted', 'accepted', var('accepted_confidence'), 2)) -%}
{%- for threshold in var('reported_confidences') -%}
    {%- do cuts.append(('threshold', threshold | string, threshold, 2)) -%}
{%- endfor -%}
{%- for band, limits in var('confidence_bands').items() -%}
    {%- do cuts.append(('band', band, limits[0], limits[1])) -%}
{%- endfor -%}

with truths as (

    select * from {{ ref('int_correlations__truths') }}

),

labels as (

    select * from {{ ref('int_correlations__labels') }}
    where is_linked

),

policies as (

    select * from {{ ref('int_commits__link_policies') }}

),

cuts as (

    select
        cuts.cut_kind,
        cuts.cut,
        cast(cuts.from_confidence as double) as from_confidence,
        cast(cuts.below_confidence as double) as below_confidence

    from (
        values
        {% for cut in cuts %}
            {{ cut }}{% if not loop.last %},{% endif %}
        {% endfor %}
    ) as cuts (cut_kind, cut, from_confidence, below_confidence)

),

-- Commits that somebody is named for. Merges and bots are linked to nobody, so they are in no score.
linkable as (

    select
        labels.project_id,
        labels.label_set,
        count(distinct labels.commit_sha) as named_commits

    from labels
    inner join policies
        on labels.project_id = policies.project_id
        and labels.commit_sha = policies.commit_sha
    where coalesce(policies.policy_reason, '') not in ('merge', 'bot')
    group by labels.project_id, labels.label_set

),

linkable_truths as (

    select
        *,
        rejection_reason is null or rejection_reason = 'low_confidence' as can_be_accepted

    from truths
    where coalesce(rejection_reason, '') not in ('merge', 'bot')

),

binned as (

    select
        *,
        ntile({{ var('calibration_bins') }}) over (
            partition by project_id, label_set, is_in_sample
            order by confidence, commit_sha, root_session_id
        ) as bin

    from linkable_truths

),

bins as (

    select
        project_id,
        label_set,
        is_in_sample,
        count(*) as pairs,
        abs(
            cast(sum(cast(round(1000000 * confidence) as bigint)) as bigint)
            - 1000000 * count(*) filter (where is_right)
        ) as deviation

    from binned
    group by project_id, label_set, is_in_sample, bin

),

calibration as (

    select
        project_id,
        label_set,
        is_in_sample,
        cast(sum(pairs) as bigint) as candidate_pairs,
        round(sum(deviation) / (1000000.0 * sum(pairs)), 6) as calibration_error

    from bins
    group by project_id, label_set, is_in_sample

),

cut_truths as (

    select
        linkable_truths.*,
        cuts.cut_kind,
        cuts.cut,
        cuts.from_confidence,
        linkable_truths.can_be_accepted
        and linkable_truths.confidence >= cuts.from_confidence
        and linkable_truths.confidence < cuts.below_confidence as is_cut

    from linkable_truths
    cross join cuts

),

counted as (

    select
        project_id,
        label_set,
        is_in_sample,
        cut_kind,
        cut,
        from_confidence,
        count(*) filter (where is_cut) as pairs,
        count(*) filter (where is_cut and is_right) as right_pairs,
        count(*) filter (where is_cut and link_rank = 1) as best_links,
        count(*) filter (where is_cut and link_rank = 1 and is_right) as right_best_links

    from cut_truths
    group by project_id, label_set, is_in_sample, cut_kind, cut, from_confidence

),

final as (

    select
        -- ids
        counted.project_id,
        counted.label_set,

        -- text
        counted.cut_kind,
        counted.cut,

        -- numbers
        counted.from_confidence,
        linkable.named_commits,
        counted.pairs,
        counted.right_pairs,
        {{ share_with_bounds('counted.right_pairs', 'counted.pairs', 'precision') }},
        counted.best_links,
        counted.right_best_links,
        {{ share_with_bounds('counted.right_best_links', 'counted.best_links', 'best_precision') }},
        {{ share_with_bounds('counted.right_best_links', 'linkable.named_commits', 'recall') }},
        calibration.candidate_pairs,
        calibration.calibration_error,

        -- booleans
        counted.is_in_sample

    from counted
    left join linkable
        on counted.project_id = linkable.project_id
        and counted.label_set = linkable.label_set
    left join calibration
        on counted.project_id = calibration.project_id
        and counted.label_set = calibration.label_set
        and counted.is_in_sample = calibration.is_in_sample

)

select * from final
