with labels as (

    select * from {{ ref('stg_validation__labels') }}
    where label_kind = 'reaction' and label is not null

),

reactions as (

    select * from {{ ref('int_turns__reactions') }}
    where reaction_message_uuid is not null

),

weights as (

    select distinct fitted_on from {{ ref('reaction_weights') }}

),

-- A message can be copied into another session; where it is no turn's reaction, it counts as not covered.
judged as (

    select
        labels.project_id,
        labels.label_set,
        labels.message_uuid,
        labels.label,
        labels.is_sure,
        coalesce(min(reactions.reaction_type), 'unknown') as reaction_type

    from labels
    left join reactions
        on labels.message_uuid = reactions.reaction_message_uuid
    group by labels.project_id, labels.label_set, labels.message_uuid, labels.label, labels.is_sure

),

counted as (

    {% for reaction_type, certainty in [
        ('label', "'sure'"), ("'overall'", "'sure'"), ('label', "'all'"), ("'overall'", "'all'"),
    ] %}
        select
            project_id,
            label_set,
            {{ reaction_type }} as reaction_type,
            {{ certainty }} as certainty,
            count(*) as labelled,
            count(*) filter (where reaction_type != 'unknown') as known,
            count(*) filter (where reaction_type = label) as correct

        from judged
        {% if certainty == "'sure'" %}
            where is_sure
        {% endif %}
        group by all

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

final as (

    select
        -- ids
        counted.project_id,
        counted.label_set,
        counted.certainty,
        counted.reaction_type,

        -- numbers
        counted.labelled,
        counted.known,
        counted.correct,
        round(counted.known / cast(counted.labelled as double), 6) as coverage,
        {{ wilson_bound('counted.known', 'counted.labelled', '-') }} as coverage_low,
        {{ wilson_bound('counted.known', 'counted.labelled', '+') }} as coverage_high,
        round(counted.correct / cast(nullif(counted.known, 0) as double), 6) as accuracy,
        {{ wilson_bound('counted.correct', 'counted.known', '-') }} as accuracy_low,
        {{ wilson_bound('counted.correct', 'counted.known', '+') }} as accuracy_high,

        -- booleans
        weights.fitted_on is not null as is_in_sample

    from counted
    left join weights
        on counted.project_id || '/' || counted.label_set = weights.fitted_on

)

select * from final
