-- A model by unit is up to date exactly when the ledger has each session, commit or project with its present state, and
-- nothing else. One that is not listed here fails: add it under the state models that it follows, one of pairs under
-- both.
{%- set by_unit = {
    'stg_claude_code__session_roots': [
        'stg_claude_code__records',
        'stg_claude_code__content_blocks',
        'stg_claude_code__tool_outcomes',
        'stg_claude_code__record_shapes',
        'int_sessions__exposed_secrets',
    ],
    'int_sessions__states': [
        'int_records__counted',
        'int_sessions__identities',
        'int_sessions__activity',
        'int_sessions__spans',
        'int_sessions__words',
        'int_messages__typed',
        'int_messages__own_words',
        'int_turns__reaction_texts',
        'int_turns__reaction_signs',
        'int_turns__reaction_features',
        'int_turns__reaction_scores',
        'int_turns__reactions',
        'int_records__turns',
        'int_turns__prompts',
        'int_tool_calls__paired',
        'int_turns__endings',
        'int_turns__activity',
        'int_turns__directives',
        'int_turns__actions',
        'int_episodes__contexts',
        'int_episodes__file_states',
        'int_episodes__error_logs',
        'int_episodes__decisions',
        'int_episodes__work_states',
        'int_tool_calls__actions',
        'int_tool_calls__command_actions',
        'int_tool_calls__commands',
        'int_tool_calls__shell_changes',
        'int_tool_calls__line_changes',
        'int_tool_calls__file_changes',
        'int_tool_calls__tests',
        'int_tool_calls__commit_commands',
        'int_commits__announcements',
        'int_correlations__line_matches',
        'messages',
        'tool_calls',
        'turns',
        'token_usage',
        'file_touches',
    ],
    'int_sessions__link_states': [
        'sessions',
        'episodes',
    ],
    'int_commits__states': ['int_commits__line_changes'],
    'int_commits__match_states': ['int_correlations__line_matches'],
    'projects': [
        'int_commits__families',
        'int_commits__squashes',
        'int_commits__branches',
        'int_commits__line_rarity',
        'int_commits__change_totals',
        'int_correlations__line_evidence',
        'int_correlations__file_events',
        'int_correlations__file_evidence',
        'int_correlations__activity',
        'int_correlations__candidates',
        'int_correlations__word_evidence',
        'int_correlations__author_evidence',
        'int_correlations__measures',
        'int_correlations__signals',
        'int_correlations__scores',
        'int_commits__session_lines',
        'correlation_evidence',
    ],
} -%}
{%- set listed = [] -%}
{%- set parents = [] -%}
{%- for state_model, models in by_unit.items() %}
    {%- for model_name in models %}
        {%- set unique_id = 'model.ope.' ~ model_name %}
        {%- do listed.append((unique_id, state_model)) %}
        {%- for parent in (incremental_parents(graph.nodes[unique_id]) if execute else []) %}
            {%- do parents.append((unique_id, parent)) if (unique_id, parent) not in parents %}
        {%- endfor %}
        -- depends_on: {{ ref(model_name) }}
    {%- endfor %}
{%- endfor %}

with listed as (

    select
        pairs.model,
        pairs.state_model

    from (values {{ listed | map('string') | join(', ') }}) as pairs (model, state_model)

),

parents as (

    select
        pairs.model,
        pairs.parent

    from (values {{ (parents or [('', '')]) | map('string') | join(', ') }}) as pairs (model, parent)

),

states as (

    {% for state_model in by_unit if state_model != 'projects' %}
        select
            '{{ state_model }}' as state_model,
            {{ unit_of(state_model) }} as unit_id,
            state_hash

        from {{ ref(state_model) }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

ledger as (

    select * from {{ source('audit', 'ledger') }}
    where model in (select listed.model from listed)

),

-- The state of a unit for one model: that of the state model and those that the models above it were built from.
expected as (

    select
        listed.model,
        states.unit_id,
        md5(states.state_hash || coalesce(
            {{ ordered_text('above.model || above.state_hash', "','", 'above.model') }}, ''
        )) as state_hash

    from listed
    inner join states
        on listed.state_model = states.state_model
    left join parents
        on listed.model = parents.model
    left join ledger as above
        on parents.parent = above.model
        and states.unit_id = above.unit_id
    group by listed.model, states.unit_id, states.state_hash

    {% for model_name in (by_unit.projects if execute else []) %}
        union all

        select
            'model.ope.{{ model_name }}' as model,
            unit_id,
            state_hash

        from {{ project_states(graph.nodes['model.ope.' ~ model_name]) }} as projects

    {% endfor %}
),

failures as (

    select
        coalesce(expected.model, ledger.model) as model,
        coalesce(expected.unit_id, ledger.unit_id) as unit_id,
        case when ledger.model is null then 'not built from the present state' else 'no such unit' end as found

    from expected
    full join ledger
        on expected.model = ledger.model
        and expected.unit_id = ledger.unit_id
        and expected.state_hash = ledger.state_hash
    where expected.model is null or ledger.model is null

    union all

    select
        model,
        unit_id,
        concat(count(*), ' rows in the ledger') as found

    from ledger
    group by model, unit_id
    having count(*) > 1

    {% for node in (graph.nodes.values() if execute else []) %}
        {% if
            node.resource_type == 'model'
            and node.config.materialized == 'incremental'
            and node.unique_id not in listed | map(attribute=0)
        %}
            union all

            select
                '{{ node.unique_id }}' as model,
                cast(null as varchar) as unit_id,
                'not listed in this test' as found
        {% endif %}
    {% endfor %}

)

select * from failures
