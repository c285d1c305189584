{#
  How a session is rebuilt: the one incremental mechanism of the project.

  The *unit* of a table is a root session (a top-level session with all of its subagents) or a commit; a table of pairs
  follows both. A *state model* has one row per unit with `state_hash`. `audit.ledger` remembers, per model and unit,
  the state that the model was last built from: the state model's hash together with what the ledger says of the
  models above it, so that a run that selects some models only leaves the others to be caught up with.
  What looks across the sessions and commits of a project has the project as its unit (`meta: {states: [projects]}`). A
  project's state is what a model is made from: the project's rows of the tables and sources above it, and what the
  ledger says of its sessions and commits in the models above it. Each row must follow from rows of its own project.
  A model that is `materialized='incremental'` reads its inputs with `where {{ in_changed_sessions() }}`,
  `{{ in_changed_commits() }}` or `{{ in_changed_projects() }}`, and the hooks in dbt_project.yml do the rest, in the
  transaction of the model:

    before   forget: drop the ledger's rows whose state has changed or whose unit is gone, then the model's rows
             of all units that the ledger does not know
    main     append the rows of the units that the ledger does not know
    after    remember: those units are now in the ledger, also when they gave no row

  A model that failed last night has no ledger rows for what it missed, so it catches up by itself.

  When the *logic* changes (the compiled SQL, so macros and variables too, the contract, a seed or any model above),
  the model is rebuilt from nothing: `should_full_refresh` is dbt's own switch and says so. `audit.model_logic` holds
  the hash that each model, view and seed was last built with; a model's hash covers those of its parents.
#}


{# Condition on a column of units: true for those that this model has to build in this run. #}
{% macro in_changed_units(state_model, column) -%}
    {%- if model.resource_type == 'unit_test' -%}
        true
    {%- else -%}
        {{ column }} in (
            select state.{{ unit_of(state_model) }}
            from {{ ref(state_model) }} as state
            where state.{{ unit_of(state_model) }} not in (
                select ledger.unit_id from audit.ledger as ledger where ledger.model = '{{ model.unique_id }}'
            )
        )
    {%- endif -%}
{%- endmacro %}


{% macro in_changed_sessions(state_model='int_sessions__states', column='root_session_id') -%}
    {{ in_changed_units(state_model, column) }}
{%- endmacro %}


{% macro in_changed_commits(state_model='int_commits__states', column='commit_id') -%}
    {{ in_changed_units(state_model, column) }}
{%- endmacro %}


{# Condition on a column of projects, the same for them. A project that is new to the ledger has no state model. #}
{% macro in_changed_projects(column='project_id') -%}
    {%- if model.resource_type == 'unit_test' -%}
        true
    {%- else -%}
        {{ column }} not in (
            select ledger.unit_id from audit.ledger as ledger where ledger.model = '{{ model.unique_id }}'
        )
    {%- endif -%}
{%- endmacro %}


{# The column that a state model has one row for: a commit's `commit_id`, else `root_session_id`. #}
{% macro unit_of(state_model) -%}
    {%- if state_model == 'projects' -%}
        project_id
    {%- else -%}
        {{ 'commit_id' if state_model.startswith('int_commits__') else 'root_session_id' }}
    {%- endif -%}
{%- endmacro %}


{# How a node is built anew: `view`, `table`, `seed` …; a model by unit: `project`, or `unit` for session and commit. #}
{% macro built_by(node) %}
    {% if node.config.materialized != 'incremental' %}
        {% do return(node.config.materialized) %}
    {% endif %}
    {% do return('project' if node.config.meta.get('states') == ['projects'] else 'unit') %}
{% endmacro %}


{# The state models that a model follows: its folder's, or those that it names in `meta: {states: […]}`. #}
{% macro states_of(model_config, state_model) %}
    {% do return(model_config.meta.get('states', [state_model])) %}
{% endmacro %}


{% macro forget_changed_units(state_model) %}
    {% if execute and is_incremental_by_unit() %}
        {% set is_kept = load_relation(this) is not none and not should_full_refresh() %}
        {% set states = states_of(model.config, state_model) %}
        delete from audit.ledger
        where model = '{{ model.unique_id }}'
            {% if is_kept %}
            and (unit_id, state_hash) not in (
                {% for state in states %}
                select (units.unit_id, units.state_hash) from {{ unit_states(state) }} as units
                {% if not loop.last %} union all {% endif %}
                {% endfor %}
            )
            {% endif %};
        {% if is_kept %}
        delete from {{ this }}
        where
            {% for state in states %}
            {{ unit_of(state) }} not in (select unit_id from audit.ledger where model = '{{ model.unique_id }}')
            {% if not loop.last %} or {% endif %}
            {% endfor %};
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro remember_built_units(state_model) %}
    {{ remember_logic() }}
    {% if execute and is_incremental_by_unit() %}
        {% for state in states_of(model.config, state_model) %}
        insert into audit.ledger (model, unit_id, state_hash)
        select '{{ model.unique_id }}', units.unit_id, units.state_hash
        from {{ unit_states(state) }} as units
        where units.unit_id not in (
            select unit_id from audit.ledger where model = '{{ model.unique_id }}'
        );
        {% endfor %}
    {% endif %}
{% endmacro %}


{# Subquery: every unit with the state that this model would be built from now. #}
{% macro unit_states(state_model) -%}
    {%- if state_model == 'projects' -%}
        {{ project_states(model) }}
    {%- else -%}
    (
        select
            state.{{ unit_of(state_model) }} as unit_id,
            md5(state.state_hash || coalesce(
                string_agg(parent.model || parent.state_hash, ',' order by parent.model), ''
            )) as state_hash
        from {{ ref(state_model) }} as state
        left join audit.ledger as parent
            on state.{{ unit_of(state_model) }} = parent.unit_id
            and parent.model in ('{{ incremental_parents(model) | join("', '") }}')
        group by state.{{ unit_of(state_model) }}, state.state_hash
    )
    {%- endif -%}
{%- endmacro %}


{# Subquery: every project with the state that a model by project would be built from now. #}
{% macro project_states(node) -%}
    {%- set by_project, by_unit, relations, projects_of = [], [], {}, [] -%}
    {%- for id in nodes_above(node, through=['view']) -%}
        {%- set above = graph.sources.get(id) or graph.nodes[id] -%}
        {%- set kind = 'source' if id in graph.sources else built_by(above) -%}
        {%- if kind in ('project', 'unit') -%}
            {%- do (by_project if kind == 'project' else by_unit).append(id) -%}
            {%- for state in states_of(above.config, 'int_sessions__states') if kind == 'unit' -%}
                {#- of these each is above the model; others may not be there yet -#}
                {%- set kept = 'int_commits__states' if unit_of(state) == 'commit_id' else 'int_sessions__states' -%}
                {%- do projects_of.append(kept) -%}
            {%- endfor -%}
        {%- elif kind == 'source' -%}
            {%- do relations.update({id: columns_that_tell(above)}) -%}
        {%- elif kind == 'table' -%}
            {%- do relations.update({id: above.columns | list}) -%}
        {%- endif -%}
    {%- endfor -%}
    (
        select
            parts.project_id as unit_id,
            md5(string_agg(parts.model || parts.state, ',' order by parts.model)) as state_hash
        from (
            select ledger.model, ledger.unit_id as project_id, ledger.state_hash as state
            from audit.ledger as ledger
            where ledger.model in ('{{ by_project | join("', '") }}')
            {% if by_unit %}
            union all
            select ledger.model, units.project_id, sum(hash(ledger.unit_id, ledger.state_hash))::varchar as state
            from audit.ledger as ledger
            inner join (
                {% for state in projects_of | unique %}
                select {{ unit_of(state) }} as unit_id, project_id
                from {{ graph.nodes['model.ope.' ~ state].relation_name }}
                {% if not loop.last %} union all {% endif %}
                {% endfor %}
            ) as units on ledger.unit_id = units.unit_id
            where ledger.model in ('{{ by_unit | join("', '") }}')
            group by all
            {% endif %}
            {% for id, columns in relations.items() %}
            {% if 'project_id' not in columns %}
                {% do exceptions.raise_compiler_error(node.name ~ ' is by project, but ' ~ id ~ ' has no project_id') %}
            {% endif %}
            union all
            select '{{ id }}', project_id, concat(count(*), ' ', sum(hash({{ columns | join(', ') }}))) as state
            from {{ (graph.sources.get(id) or graph.nodes[id]).relation_name }}
            group by project_id
            {% endfor %}
        ) as parts
        group by parts.project_id
    )
{%- endmacro %}


{# Unique ids of the nearest models by session or commit above a node, through all that is between. #}
{% macro incremental_parents(node) %}
    {% set found = [] %}
    {% for id in nodes_above(node, through=['view', 'table', 'project']) if id in graph.nodes %}
        {% do found.append(id) if built_by(graph.nodes[id]) == 'unit' %}
    {% endfor %}
    {% do return(found | sort) %}
{% endmacro %}


{# Unique ids of the nodes above a node, upwards `through` those that are `built_by` so; each once. #}
{% macro nodes_above(node, through) %}
    {% set found = [] + (node.depends_on.nodes or []) %}
    {# the list grows while it is gone through #}
    {% for id in found if id in graph.nodes and built_by(graph.nodes[id]) in through %}
        {% do found.extend(graph.nodes[id].depends_on.nodes | reject('in', found)) %}
    {% endfor %}
    {% do return(found) %}
{% endmacro %}


{# Rows of `audit.model_logic` for this node as it is built now; without `stands`, the next run builds it again. #}
{% macro remember_logic(stands=true) %}
    {% if execute %}
        delete from audit.model_logic where model = '{{ model.unique_id }}';
        {% if stands %}
        insert into audit.model_logic (model, logic_hash, inputs_hash)
        select '{{ model.unique_id }}', {{ logic_hash() }}, {{ inputs_hash() }};
        {% endif %}
    {% endif %}
{% endmacro %}


{# SQL expression: hash over this node's own text and over the hashes that its parents were last built with. #}
{% macro logic_hash() -%}
    {%- set own = local_md5(
        (model.compiled_code or '') ~ model.checksum.checksum ~ (model.get('contract', {}).get('checksum') or '')
        if model.resource_type != 'seed' else model.checksum.checksum
    ) -%}
    md5('{{ own }}' || coalesce((
        select string_agg(parent.model || parent.logic_hash, ',' order by parent.model)
        from audit.model_logic as parent
        where parent.model in ('{{ model.depends_on.nodes | join("', '") }}')
    ), ''))
{%- endmacro %}


{% macro is_incremental_by_unit() %}
    {% do return(model.resource_type == 'model' and model.config.materialized == 'incremental') %}
{% endmacro %}


{# dbt's own switch, widened: a model by unit whose logic differs from what it was built with is built anew. #}
{% macro should_full_refresh() %}
    {% set configured = config.get('full_refresh') %}
    {% if (flags.FULL_REFRESH if configured is none else configured) %}
        {% do return(true) %}
    {% endif %}
    {% if not (execute and is_incremental_by_unit()) %}
        {% do return(false) %}
    {% endif %}
    {% set unchanged = run_query(
        "select count(*) from audit.model_logic where model = '" ~ model.unique_id ~ "' and logic_hash = " ~ logic_hash()
    ) %}
    {% do return(unchanged.rows[0][0] == 0) %}
{% endmacro %}
