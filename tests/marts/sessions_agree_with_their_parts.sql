-- Two screens, one sum: what `sessions` says of a session is, to the last digit, what its rows in the other tables add
-- up to; and no row belongs to a session that `sessions` does not have.
{%- set measures = [
    ('records', ref('int_records__counted'), 'count(*)'),
    ('messages', ref('messages'), 'count(*)'),
    ('human_messages', ref('messages'), 'count(*) filter (where is_human)'),
    ('tool_calls', ref('tool_calls'), 'count(*)'),
    ('tool_errors', ref('tool_calls'), 'count(*) filter (where is_error)'),
    ('rejections', ref('tool_calls'), 'count(*) filter (where is_rejected)'),
    ('unanswered_tool_calls', ref('tool_calls'), 'count(*) filter (where not has_result)'),
    ('api_responses', ref('token_usage'), 'count(*)'),
    ('input_tokens', ref('token_usage'), 'sum(input_tokens)'),
    ('output_tokens', ref('token_usage'), 'sum(output_tokens)'),
    ('cache_read_tokens', ref('token_usage'), 'sum(cache_read_tokens)'),
    ('cache_write_5m_tokens', ref('token_usage'), 'sum(cache_write_5m_tokens)'),
    ('cache_write_1h_tokens', ref('token_usage'), 'sum(cache_write_1h_tokens)'),
    ('total_tokens', ref('token_usage'), 'sum(total_tokens)'),
    ('cost_usd', ref('token_usage'), 'sum(cost_usd)'),
    ('case when has_final_tokens then 0 else 1 end', ref('token_usage'), 'max(case when is_final then 0 else 1 end)'),
    ('case when is_priced then 0 else 1 end', ref('token_usage'), 'max(case when is_priced then 0 else 1 end)'),
] %}

with sessions as (

    select * from {{ ref('sessions') }}

),

amounts as (

    {% for of_session, parts, of_parts in measures %}
        select
            '{{ of_session }}' as measure,
            session_id,
            cast(coalesce({{ of_session }}, 0) as decimal(28, 8)) as in_sessions,
            cast(0 as decimal(28, 8)) as in_parts

        from sessions

        union all

        select
            '{{ of_session }}' as measure,
            session_id,
            cast(0 as decimal(28, 8)) as in_sessions,
            cast(coalesce({{ of_parts }}, 0) as decimal(28, 8)) as in_parts

        from {{ parts }}
        group by session_id

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select
    measure,
    session_id,
    sum(in_sessions) as in_sessions,
    sum(in_parts) as in_parts

from amounts
group by measure, session_id
having sum(in_sessions) != sum(in_parts)
