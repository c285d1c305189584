{{ config(materialized='incremental') }}

with usage as (

    select * from {{ ref('stg_claude_code__usage') }}
    where
        {{ in_changed_sessions() }}
        and coalesce(model, '') not in ('{{ var("synthetic_models") | join("', '") }}')

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

sessions as (

    select * from {{ ref('int_sessions__states') }}

),

copies as (

    select
        root_session_id,
        record_key

    from {{ ref('int_records__owners') }}
    where key_kind = 'response' and not is_owner

),

prices as (

    select * from {{ ref('model_prices') }}

),

own_usage as (

    select usage.*
    from usage
    left join copies
        on usage.root_session_id = copies.root_session_id
        and usage.response_id = copies.record_key
    where copies.record_key is null

),

-- A response is written as several lines that repeat its usage while the output grows: the last line counts.
ranked as (

    select
        *,
        row_number() over (
            partition by root_session_id, response_id
            order by
                case provenance when 'assistant' then 1 when 'subagent_file' then 2 else 3 end,
                file_rank,
                line_number desc
        ) as usage_rank

    from own_usage

),

responses as (

    select
        *,
        {{ base_model('model') }} as base_model

    from ranked
    where usage_rank = 1

),

price_ranks as (

    select
        responses.root_session_id,
        responses.response_id,
        prices.input_usd,
        prices.output_usd,
        prices.cache_write_5m_usd,
        prices.cache_write_1h_usd,
        prices.cache_read_usd,
        row_number() over (
            partition by responses.root_session_id, responses.response_id
            order by
                -- the price of the day; before the first known day, the first known price
                case when prices.valid_from <= responses.sent_at then 0 else 1 end,
                case when prices.valid_from <= responses.sent_at then prices.valid_from end desc nulls last,
                prices.valid_from
        ) as price_rank

    from responses
    inner join prices
        on responses.base_model = prices.model
        and coalesce(responses.speed, 'standard') = prices.speed

),

current_prices as (

    select * from price_ranks
    where price_rank = 1

),

final as (

    select
        -- ids
        responses.response_id,
        responses.session_id,
        responses.root_session_id,
        sessions.project_id,
        responses.request_id,

        -- text
        responses.provenance,
        responses.model,
        responses.service_tier,
        responses.speed,
        responses.agent_version,

        -- numbers
        line_turns.root_turn_index,
        responses.line_number,
        responses.input_tokens,
        responses.output_tokens,
        responses.cache_read_tokens,
        responses.cache_write_5m_tokens,
        responses.cache_write_1h_tokens,
        responses.cache_write_5m_tokens + responses.cache_write_1h_tokens as cache_write_tokens,
        responses.input_tokens + responses.output_tokens + responses.cache_read_tokens
        + responses.cache_write_5m_tokens + responses.cache_write_1h_tokens as total_tokens,
        cast(
            (
                responses.input_tokens * current_prices.input_usd
                + responses.output_tokens * current_prices.output_usd
                + responses.cache_read_tokens * current_prices.cache_read_usd
                + responses.cache_write_5m_tokens * current_prices.cache_write_5m_usd
                + responses.cache_write_1h_tokens * current_prices.cache_write_1h_usd
            ) * cast(0.000001 as decimal(7, 6)) as decimal(18, 8)
        ) as cost_usd,

        -- booleans
        coalesce(
            {{ version_number('responses.agent_version') }}
            >= {{ version_number("'" ~ var('first_final_output_version') ~ "'") }},
            false
        ) as is_final,
        current_prices.response_id is not null as is_priced,

        -- times
        responses.sent_at

    from responses
    inner join line_turns
        on responses.file_id = line_turns.file_id
        and responses.line_number = line_turns.line_number
    inner join sessions
        on responses.root_session_id = sessions.root_session_id
    left join current_prices
        on responses.root_session_id = current_prices.root_session_id
        and responses.response_id = current_prices.response_id

)

select * from final
