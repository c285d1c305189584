-- List-price cost and tokens over time; the models that cost most have a series of their own.
with ranked as (

    select
        model,
        row_number() over (order by sum(cost_usd) desc nulls last, sum(total_tokens) desc, model) as model_rank
    from token_usage
    group by model

)

select
    period(sent_at) as period,
    if(model_rank <= series(), model, 'other models') as model,
    least(model_rank, series() + 1) as model_rank,
    count(*) as responses,
    sum(total_tokens) as tokens,
    sum(cost_usd) as cost_usd
from token_usage
inner join ranked using (model)
where sent_at is not null
group by all
order by period, model_rank
