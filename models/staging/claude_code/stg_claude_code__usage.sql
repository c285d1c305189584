with source as (

    select * from {{ ref('stg_claude_code__records') }}
    where message_type = 'assistant'

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        file_rank,
        line_number,
        uuid,
        coalesce(message_id, uuid, file_id || ':' || line_number) as response_id,
        request_id,

        -- text
        provenance,
        model,
        service_tier,
        speed,
        agent_version,

        -- numbers
        coalesce(input_tokens, 0) as input_tokens,
        coalesce(output_tokens, 0) as output_tokens,
        coalesce(cache_read_tokens, 0) as cache_read_tokens,
        coalesce(cache_write_1h_tokens, 0) as cache_write_1h_tokens,
        -- older versions do not split the writes by lifetime: five minutes is the default
        greatest(
            coalesce(cache_write_tokens - coalesce(cache_write_1h_tokens, 0), cache_write_5m_tokens, 0), 0
        ) as cache_write_5m_tokens,

        -- times
        sent_at

    from source
    where input_tokens is not null or output_tokens is not null

)

select * from renamed
