-- A by-session model is up to date exactly when the ledger has each session with its present state, and nothing else.
-- A model that is materialized by session and not listed here fails: add it under the state model that it follows.
{%- set by_session = {
    'stg_claude_code__session_roots': [
        'stg_claude_code__records',
        'stg_claude_code__content_blocks',
        'stg_claude_code__tool_outcomes',
    ],
    'int_sessions__states': [
        'int_records__counted',
        'int_sessions__identities',
        'int_sessions__activity',
        'int_messages__typed',
        'messages',
        'tool_calls',
        'token_usage',
        'file_touches',
        'sessions',
    ],
} -%}
{%- set listed = [] -%}
{%- for state_model, models in by_session.items() %}
    {%- for model_name in models %}
        {%- do listed.append('model.ope.' ~ model_name) %}
    -- depends_on: {{ ref(model_name) }}
    {%- endfor %}
{%- endfor %}

with ledger as (

    select * from {{ source('audit', 'ledger') }}
    where model in ('{{ listed | join("', '") }}')

),

-- The state of a session for one model: that of the state model and those that the models above it were built from.
expected as (

    {% for state_model, models in by_session.items() %}
            {% set is_last_group = loop.last %}
        {% for model_name in models %}
                {% set unique_id = 'model.ope.' ~ model_name %}
            select
                '{{ unique_id }}' as model,
                states.root_session_id,
                md5(states.state_hash || coalesce(
                    {{ ordered_text('parents.model || parents.state_hash', "','", 'parents.model') }}, ''
                )) as state_hash

            from {{ ref(state_model) }} as states
            left join ledger as parents
                on states.root_session_id = parents.root_session_id
                and parents.model in (                                                            {{ by_session_parents(graph.nodes[unique_id]) | join("', '") if execute }}'
                )
            group by states.root_session_id, states.state_hash
                        {{ 'union all' if not (is_last_group and loop.last) }}
        {% endfor %}
    {% endfor %}

),

failures as (

    select
        coalesce(expected.model, ledger.model) as model,
        coalesce(expected.root_session_id, ledger.root_session_id) as root_session_id,
        case when ledger.model is null then 'not built from the present state' else 'not among the sessions' end
            as found

    from expected
    full join ledger
        on expected.model = ledger.model
        and expected.root_session_id = ledger.root_session_id
        and expected.state_hash = ledger.state_hash
    where expected.model is null or ledger.model is null

    union all

    select
        model,
        root_session_id,
        concat(count(*), ' rows in the ledger') as found

    from ledger
    group by model, root_session_id
    having count(*) > 1
    {% if execute %}
        {% for node in graph.nodes.values() %}
            {% if node.resource_type == 'model' and node.config.materialized == 'incremental' and node.unique_id not in listed %}

    union all

    select
        '{{ node.unique_id }}' as model,
        cast(null as varchar) as root_session_id,
        'not listed in this test' as found
    {% endif %}
        {% endfor %}
    {% endif %}

)

select * from failures
