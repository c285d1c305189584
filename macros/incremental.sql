{#
  How a session is rebuilt: the one incremental mechanism of the project.

  A root session (a top-level session with all of its subagents) is the unit. A *state model* has one row per root
  session with `root_session_id` and `state_hash`. `audit.ledger` remembers, per model and root session, the state
  that the model was last built from: the state model's hash together with what the ledger says of the by-session
  models above it, so that a run that selects some models only leaves the others to be caught up with.
  A model that is `materialized='incremental'` reads its inputs with `where {{ in_changed_sessions() }}`, and the hooks
  in dbt_project.yml do the rest, in the transaction of the model:

    before   forget: drop the ledger's rows whose state has changed or whose session is gone, then the model's rows
             of all sessions that the ledger does not know
    main     append the rows of the sessions that the ledger does not know
    after    remember: those sessions are now in the ledger, also when they gave no row

  A model that failed last night has no ledger rows for what it missed, so it catches up by itself.

  When the *logic* changes (the compiled SQL, so macros and variables too, the contract, a seed or any model above),
  the model is rebuilt from nothing: `should_full_refresh` is dbt's own switch and says so. `audit.model_logic` holds
  the hash that each model, view and seed was last built with; a model's hash covers those of its parents.
#}


{# Condition on `root_session_id`: true for the sessions that this model has to build in this run. #}
{% macro in_changed_sessions(state_model='int_sessions__states', column='root_session_id') -%}
    {%- if model.resource_type == 'unit_test' -%}
        true
    {%- else -%}
        {{ column }} in (
            select state.root_session_id
            from {{ ref(state_model) }} as state
            where state.root_session_id not in (
                select ledger.root_session_id from audit.ledger as ledger where ledger.model = '{{ model.unique_id }}'
            )
        )
    {%- endif -%}
{%- endmacro %}


{% macro forget_changed_sessions(state_model) %}
    {% if execute and is_by_session() %}
        {% set is_kept = load_relation(this) is not none and not should_full_refresh() %}
        delete from audit.ledger
        where model = '{{ model.unique_id }}'
            {% if is_kept %}
            and (root_session_id, state_hash) not in (
                select (states.root_session_id, states.state_hash) from {{ session_states(state_model) }} as states
            )
            {% endif %};
        {% if is_kept %}
        delete from {{ this }}
        where root_session_id not in (
            select root_session_id from audit.ledger where model = '{{ model.unique_id }}'
        );
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro remember_built_sessions(state_model) %}
    {{ remember_logic() }}
    {% if execute and is_by_session() %}
        insert into audit.ledger (model, root_session_id, state_hash)
        select '{{ model.unique_id }}', states.root_session_id, states.state_hash
        from {{ session_states(state_model) }} as states
        where states.root_session_id not in (
            select root_session_id from audit.ledger where model = '{{ model.unique_id }}'
        );
    {% endif %}
{% endmacro %}


{# Subquery: every root session with the state that this model would be built from now. #}
{% macro session_states(state_model) -%}
    (
        select
            state.root_session_id,
            md5(state.state_hash || coalesce(
                string_agg(parent.model || parent.state_hash, ',' order by parent.model), ''
            )) as state_hash
        from {{ ref(state_model) }} as state
        left join audit.ledger as parent
            on state.root_session_id = parent.root_session_id
            and parent.model in ('{{ by_session_parents(model) | join("', '") }}')
        group by state.root_session_id, state.state_hash
    )
{%- endmacro %}


{# Unique ids of the nearest by-session models above a node, through the views and tables between. #}
{% macro by_session_parents(node) %}
    {% set found = [] %}
    {% for parent in node.depends_on.nodes if parent in graph.nodes and graph.nodes[parent].resource_type == 'model' %}
        {% if graph.nodes[parent].config.materialized == 'incremental' %}
            {% do found.append(parent) %}
        {% else %}
            {% do found.extend(by_session_parents(graph.nodes[parent])) %}
        {% endif %}
    {% endfor %}
    {% do return(found | unique | sort) %}
{% endmacro %}


{% macro remember_logic() %}
    {% if execute %}
        delete from audit.model_logic where model = '{{ model.unique_id }}';
        insert into audit.model_logic (model, logic_hash) select '{{ model.unique_id }}', {{ logic_hash() }};
    {% endif %}
{% endmacro %}


{# SQL expression: hash over this node's own text and over the hashes that its parents were last built with. #}
{% macro logic_hash() -%}
    {%- set own = local_md5(
        (model.compiled_code or '') ~ model.checksum.checksum ~ (model.contract.checksum or '')
        if model.resource_type == 'model' else model.checksum.checksum
    ) -%}
    md5('{{ own }}' || coalesce((
        select string_agg(parent.model || parent.logic_hash, ',' order by parent.model)
        from audit.model_logic as parent
        where parent.model in ('{{ model.depends_on.nodes | join("', '") }}')
    ), ''))
{%- endmacro %}


{% macro is_by_session() %}
    {% do return(model.resource_type == 'model' and model.config.materialized == 'incremental') %}
{% endmacro %}


{# dbt's own switch, widened: a by-session model whose logic differs from what it was built with is built anew. #}
{% macro should_full_refresh() %}
    {% set configured = config.get('full_refresh') %}
    {% if (flags.FULL_REFRESH if configured is none else configured) %}
        {% do return(true) %}
    {% endif %}
    {% if not (execute and is_by_session()) %}
        {% do return(false) %}
    {% endif %}
    {% set unchanged = run_query(
        "select count(*) from audit.model_logic where model = '" ~ model.unique_id ~ "' and logic_hash = " ~ logic_hash()
    ) %}
    {% do return(unchanged.rows[0][0] == 0) %}
{% endmacro %}
