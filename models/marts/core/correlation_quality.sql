with qualities as (

    select * from {{ ref('int_correlations__qualities') }}

),

gates as (

    select * from {{ ref('int_correlations__gates') }}

),

links as (

    select * from {{ ref('int_correlations__links') }}
    where fold = 0 and rejection_reason is null

),

accepted as (

    select
        project_id,
        count(*) as links

    from links
    group by project_id

),

-- A project without labels has one row: what the calibration promises.
estimates as (

    select
        gates.project_id,
        accepted.links,
        gates.link_precision

    from gates
    left join accepted
        on gates.project_id = accepted.project_id
    where gates.project_id not in (select qualities.project_id from qualities)

),

every_row as (

    select
        project_id,
        label_set,
        cut_kind,
        cut,
        'measured' as basis,
        from_confidence,
        named_commits,
        pairs,
        right_pairs,
        precision,
        precision_low,
        precision_high,
        best_links,
        right_best_links,
        best_precision,
        best_precision_low,
        best_precision_high,
        recall,
        recall_low,
        recall_high,
        candidate_pairs,
        calibration_error,
        is_in_sample

    from qualities

    union all

    select
        project_id,
        'none' as label_set,
        'accepted' as cut_kind,
        'accepted' as cut,
        'estimated' as basis,
        cast({{ var('accepted_confidence') }} as double) as from_confidence,
        null as named_commits,
        coalesce(links, 0) as pairs,
        null as right_pairs,
        link_precision as precision,
        null as precision_low,
        null as precision_high,
        null as best_links,
        null as right_best_links,
        null as best_precision,
        null as best_precision_low,
        null as best_precision_high,
        null as recall,
        null as recall_low,
        null as recall_high,
        null as candidate_pairs,
        null as calibration_error,
        false as is_in_sample

    from estimates

),

final as (

    select
        -- ids
        every_row.project_id,
        every_row.label_set,

        -- text
        every_row.cut_kind,
        every_row.cut,
        every_row.basis,
        gates.gate,

        -- numbers
        every_row.from_confidence,
        every_row.named_commits,
        every_row.pairs,
        every_row.right_pairs,
        every_row.precision,
        every_row.precision_low,
        every_row.precision_high,
        every_row.best_links,
        every_row.right_best_links,
        every_row.best_precision,
        every_row.best_precision_low,
        every_row.best_precision_high,
        every_row.recall,
        every_row.recall_low,
        every_row.recall_high,
        every_row.candidate_pairs,
        every_row.calibration_error,

        -- booleans
        every_row.is_in_sample

    from every_row
    inner join gates
        on every_row.project_id = gates.project_id

)

select * from final
