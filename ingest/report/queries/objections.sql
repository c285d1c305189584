-- What gets corrected, redirected or blocked: shares of the turns with a known reaction, with 95 % Wilson intervals.
with known as (

    select
        *,
        is_objection(reaction_type) as is_objected
    from episodes
    where reaction_type != 'unknown'

),

counted as (

    select
        case
            when grouping(action_id) = 0 then 'action'
            when grouping(directive) = 0 then 'directive'
            when grouping(main_model) = 0 then 'model'
            else 'phase'
        end as asked_by,
        coalesce(action_id, directive, main_model, phase_label, 'none') as name,
        count(*) as turns,
        count(*) filter (where is_objected) as objected
    from known
    group by grouping sets ((action_id), (directive), (main_model), (phase_label))

)

select
    *,
    objected / turns as share,
    wilson_low(objected, turns) as low,
    wilson_high(objected, turns) as high
from counted
order by asked_by, turns desc, name
