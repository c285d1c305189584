-- Identities of one response: its kinds of tokens add up, none is negative, a cost is null exactly where no price is
-- known, and what the agent's program wrote itself is no usage.
with token_usage as (

    select * from {{ ref('token_usage') }}

),

failures as (

    select
        response_id,
        session_id,
        model,
        case
            when
                total_tokens != input_tokens + output_tokens + cache_write_tokens + cache_read_tokens
                then 'total_tokens = input + output + cache write + cache read'
            when
                cache_write_tokens != cache_write_5m_tokens + cache_write_1h_tokens
                then 'cache_write_tokens = five-minute + one-hour'
            when
                least(
                    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
                    coalesce(cost_usd, 0)
                ) < 0
                then 'nothing negative'
            when is_priced != (cost_usd is not null) then 'cost_usd is null exactly where is_priced is false'
            when is_priced and total_tokens > 0 and cost_usd = 0 then 'tokens with a price cost more than 0'
            when
                model in ('{{ var("synthetic_models") | join("', '") }}')
                then 'no usage of synthetic models'
        end as expectation

    from token_usage

)

select * from failures
where expectation is not null
