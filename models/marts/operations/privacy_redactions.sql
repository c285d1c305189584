with occurrences as (

    select * from {{ ref('int_redactions__occurrences') }}

),

rules as (

    select * from {{ ref('redaction_rules') }}

),

by_secret as (

    select
        secret_id,
        count(distinct project_id) as secret_projects

    from occurrences
    group by secret_id

),

summed as (

    select
        project_id,
        secret_id,
        rule_id,
        place_kind,
        min(token) as token,
        count(distinct place_id) as places,
        cast(sum(redactions) as bigint) as redactions,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at

    from occurrences
    group by project_id, secret_id, rule_id, place_kind

),

final as (

    select
        -- ids
        summed.project_id,
        summed.secret_id,
        summed.rule_id,
        summed.place_kind,

        -- text
        rules.family,
        rules.class as rule_class,
        summed.token,

        -- numbers
        summed.redactions,
        summed.places,
        by_secret.secret_projects,

        -- times
        summed.first_seen_at,
        summed.last_seen_at

    from summed
    inner join by_secret
        on summed.secret_id = by_secret.secret_id
    left join rules
        on summed.rule_id = rules.rule_id

)

select * from final
