with projects as (

    select * from {{ ref('stg_registry__projects') }}

),

qualities as (

    select * from {{ ref('int_correlations__qualities') }}
    where cut_kind = 'accepted' and not is_in_sample

),

links as (

    select * from {{ ref('int_correlations__links') }}
    where fold = 0 and rejection_reason is null

),

-- All label sets of a project together; a project without labels has what the calibration promises.
measured as (

    select
        project_id,
        sum(pairs) as labelled_pairs,
        sum(right_pairs) as right_pairs,
        sum(right_best_links) as right_best_links,
        sum(named_commits) as named_commits

    from qualities
    group by project_id

),

estimated as (

    select
        project_id,
        count(*) as links,
        sum(cast(round(1000000 * confidence) as bigint)) as confidences

    from links
    group by project_id

),

precisions as (

    select
        projects.project_id,
        coalesce(measured.labelled_pairs, 0) >= {{ var('gate_pairs') }} as is_measured,
        case
            when measured.labelled_pairs >= {{ var('gate_pairs') }}
                then round(measured.right_pairs / measured.labelled_pairs, 6)
            else round(estimated.confidences / (1000000.0 * estimated.links), 6)
        end as link_precision,
        round(measured.right_best_links / nullif(measured.named_commits, 0), 6) as link_recall

    from projects
    left join measured
        on projects.project_id = measured.project_id
    left join estimated
        on projects.project_id = estimated.project_id

),

final as (

    select
        project_id,
        link_precision,
        link_recall,
        is_measured,
        case
            when link_precision < {{ var('gate_failed_below') }} then 'failed'
            when link_precision < {{ var('gate_warning_below') }} then 'warning'
            when link_precision is not null then 'passed'
            else 'no_links'
        end as gate

    from precisions

)

select * from final
