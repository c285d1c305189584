-- Two sums each, both identities: what the turns of a session add up to is what the session has, on its own and with
-- its subagents; and with subagents it has what all sessions of its root have on their own.
{%- set measures = [
    'tool_calls', 'tool_errors', 'rejections', 'interruptions', 'unanswered_tool_calls', 'messages', 'api_responses',
    'input_tokens', 'output_tokens', 'cache_read_tokens', 'total_tokens', 'cost_usd',
    'tool_calls_with_subagents', 'total_tokens_with_subagents', 'cost_usd_with_subagents',
] %}
{%- set rolled_up = ['tool_calls', 'total_tokens', 'cost_usd'] %}

with sessions as (

    select * from {{ ref('sessions') }}

),

turns as (

    select * from {{ ref('turns') }}

),

of_turns as (

    select
        session_id,
        count(*) filter (where turn_index > 0) as turns,
        {% for measure in measures %}
            coalesce(sum({{ measure }}), 0) as {{ measure }}{% if not loop.last %},{% endif %}
        {% endfor %}

    from turns
    group by session_id

),

of_sessions as (

    select
        root_session_id,
        {% for measure in rolled_up %}
            coalesce(sum({{ measure }}), 0) as {{ measure }}{% if not loop.last %},{% endif %}
        {% endfor %}

    from sessions
    group by root_session_id

),

final as (

    {% for measure in ['turns'] + measures %}
        select
            sessions.session_id,
            'turns: {{ measure }}' as measure

        from sessions
        left join of_turns
            on sessions.session_id = of_turns.session_id
        where
            not sessions.is_subagent
            and coalesce(sessions.{{ measure }}, 0) != coalesce(of_turns.{{ measure }}, 0)

        union all

    {% endfor %}
    {% for measure in rolled_up %}
        select
            sessions.session_id,
            'sessions: {{ measure }}' as measure

        from sessions
        inner join of_sessions
            on sessions.session_id = of_sessions.root_session_id
        where coalesce(sessions.{{ measure }}_with_subagents, 0) != coalesce(of_sessions.{{ measure }}, 0)

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select * from final
