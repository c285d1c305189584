{{ config(severity='warn') }}

-- A model without a price costs null, never 0, and is said here: add its price to seed `model_prices`.
select
    model,
    coalesce(speed, 'standard') as speed,
    count(*) as api_responses,
    sum(total_tokens) as total_tokens,
    min(sent_at) as first_sent_at,
    max(sent_at) as last_sent_at

from {{ ref('token_usage') }}
where not is_priced
group by model, coalesce(speed, 'standard')
