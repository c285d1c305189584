with measures as (

    select * from {{ ref('quality_measures') }}

),

settings as (

    {% for gate, setting in var('quality_gates').items() %}
        select
            '{{ gate }}' as gate,
            {{ text_literal(setting.measures) }} as description,
            '{{ setting.severity }}' as severity,
            '{{ setting.owner }}' as owner,
            '{{ setting.unit }}' as unit,
            '{{ setting.holds }}' as holds,
            cast({{ setting.threshold }} as double) as threshold,
            cast({{ setting.minimum }} as bigint) as minimum,
            cast({{ var('gate_weights')[setting.severity] }} as bigint) as weight,
            {{ loop.index }} as gate_index

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

-- A share is that of the bad ones where few are wanted, of the good ones where many are.
valued as (

    select
        settings.*,
        measures.project_id,
        measures.counted,
        measures.bad,
        measures.example,
        case
            when measures.counted = 0 then null
            when measures.measured is not null or measures.bad is null then round(measures.measured, 6)
            when settings.unit != 'share' then cast(measures.bad as double)
            when settings.holds = 'at_least' then round(1.0 - 1.0 * measures.bad / measures.counted, 6)
            else round(1.0 * measures.bad / measures.counted, 6)
        end as gate_value

    from measures
    inner join settings
        on measures.gate = settings.gate

),

judged as (

    select
        *,
        case
            when gate_value is null then null
            when bad < minimum then true
            when holds = 'at_least' then gate_value >= threshold
            else gate_value <= threshold
        end as is_held

    from valued

),

final as (

    select
        -- ids
        project_id,
        gate,

        -- text
        case
            when is_held is null then 'not measured'
            when is_held then 'passed'
            when severity = 'error' then 'failed'
            else 'warning'
        end as state,
        severity,
        owner,
        description,
        unit,
        holds,
        example,

        -- numbers
        gate_index,
        gate_value,
        threshold,
        minimum,
        counted,
        bad,
        weight,
        case
            when is_held is null then null
            when is_held then 1
            when holds = 'at_least' then round(greatest(gate_value, 0) / threshold, 6)
            else round(threshold / gate_value, 6)
        end as credit,

        -- times
        {{ build_time() }} as measured_at

    from judged

)

select * from final
