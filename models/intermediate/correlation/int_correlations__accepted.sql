with links as (

    select * from {{ ref('int_correlations__links') }}
    where fold = 0 and rejection_reason is null and link_rank <= {{ var('published_candidates') }}

),

gates as (

    select * from {{ ref('int_correlations__gates') }}
    where gate != 'failed'

),

final as (

    select
        links.project_id,
        links.commit_sha,
        links.root_session_id,
        links.method,
        links.tier,
        links.link_rank,
        links.confidence

    from links
    inner join gates
        on links.project_id = gates.project_id

)

select * from final
