with labels as (

    select * from {{ ref('int_correlations__labels') }}
    where is_linked

),

fitted as (

    select distinct element as fitted_on
    from {{ explode(
        '(select distinct ' ~ split_text('fitted_on', ' ') ~ ' as label_sets from ' ~ ref('evidence_weights') ~ ')',
        'label_sets'
    ) }}

),

-- Commits that the weights were fitted to; all commits of one session are in one fold.
final as (

    select
        labels.project_id,
        labels.commit_sha,
        min({{ bucket_of('labels.root_session_id', var('correlation_folds')) }}) + 1 as fold

    from labels
    inner join fitted
        on concat_ws('/', labels.project_id, labels.label_set) = fitted.fitted_on
    group by labels.project_id, labels.commit_sha

)

select * from final
