{#
  A night costs what has changed: a node whose rows would come out as they are is not built again.

  `audit.model_logic` holds, per node, `logic_hash` (what decides how its rows are made: incremental.sql) and
  `inputs_hash`: that, how the node is configured and described, and what it was made from, which is the `inputs_hash`
  of the tables and seeds above it and the state of the sources that it reads, both through the views between. The rows
  of a table, of a seed and of a model by unit are a function of these, and so is what a data test finds. Such a node
  stands while its `inputs_hash` does, a view (it has no rows) while its text does, and a test that passed passes again.

  The materializations below ask this first and are otherwise dbt's own. Only `dbt build` leaves anything out:
  `dbt test` asks every test, `--full-refresh` builds everything, and what is missing is built. What looks at the clock
  (`clock_words`) is never up to date. A node that fails writes no hash, so the next run takes it up.
#}


{% materialization table, adapter='duckdb', supported_languages=['sql'] %}
    {% do return(leave_as_it_is() if is_up_to_date() else dbt.materialization_table_duckdb()) %}
{% endmaterialization %}


{% materialization incremental, adapter='duckdb', supported_languages=['sql'] %}
    {% do return(leave_as_it_is() if is_up_to_date() else dbt.materialization_incremental_duckdb()) %}
{% endmaterialization %}


{% materialization view, adapter='duckdb' %}
    {% do return(leave_as_it_is() if is_up_to_date() else dbt.materialization_view_default()) %}
{% endmaterialization %}


{% materialization seed, adapter='duckdb' %}
    {% do return(leave_as_it_is() if is_up_to_date() else dbt.materialization_seed_default()) %}
{% endmaterialization %}


{# Only what a test finds is written to its table of schema audit, by asking again: mostly there is nothing. #}
{% materialization test, adapter='duckdb' %}
    {% if is_up_to_date() %}
        {% call statement('main', fetch_result=True) %}
            select 0 as failures, false as should_warn, false as should_error
        {% endcall %}
        {% do return({'relations': []}) %}
    {% endif %}
    {% call statement('main', fetch_result=True) %}
        {{ get_test_sql(
            get_limit_subquery_sql(sql, config.get('limit')),
            config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none
        ) }}
    {% endcall %}
    {% set passed = load_result('main').table.rows[0].values() | list == [0, false, false] %}
    {% if passed %}
        {% do drop_relation_if_exists(load_cached_relation(this)) %}
        {% set result = {'relations': []} %}
    {% else %}
        {% set result = dbt.materialization_test_default() %}
    {% endif %}
    {% call statement('remember') %}
        {{ remember_logic(stands=passed) }}
    {% endcall %}
    {% do adapter.commit() %}
    {% do return(result) %}
{% endmaterialization %}


{% macro is_up_to_date() %}
    {# a seed that is too large for dbt has no checksum of its content #}
    {% if flags.WHICH != 'build' or flags.FULL_REFRESH or model.checksum.name == 'path' %}
        {% do return(false) %}
    {% endif %}
    {% if model.resource_type != 'test' %}
        {% set existing = load_cached_relation(this) %}
        {% if not existing or existing.is_view != (model.config.materialized == 'view') %}
            {% do return(false) %}
        {% endif %}
    {% endif %}
    {% set found = run_query(
        "select count(*) from audit.model_logic where model = '" ~ model.unique_id ~ "'"
        ~ " and logic_hash = " ~ logic_hash() ~ " and inputs_hash = " ~ inputs_hash()
    ) %}
    {% do return(found.rows[0][0] == 1) %}
{% endmacro %}


{# What dbt is told of a node that stands as it is. #}
{% macro leave_as_it_is() %}
    {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED') %}{% endcall %}
    {# dbt asks a seed for the table that it has read #}
    {% do store_result('agate_table', response='OK') if model.resource_type == 'seed' %}
    {% do return({'relations': [this]}) %}
{% endmacro %}


{# SQL expression: hash over all that the rows of this node are made of. #}
{% macro inputs_hash() -%}
    {%- set described = [model.config, model.description, model.columns] -%}
    {%- set parts = ["'" ~ local_md5(tojson(described, sort_keys=true)) ~ "'", logic_hash()] -%}
    {%- if model.config.materialized != 'view' -%}
        {%- set tables = [] -%}
        {%- set texts = [model.compiled_code or ''] -%}
        {%- for id in nodes_above(model, through=['view']) -%}
            {%- if id in graph.sources -%}
                {%- do parts.append(source_state(graph.sources[id])) -%}
            {%- elif graph.nodes[id].config.materialized == 'view' -%}
                {%- do texts.append(graph.nodes[id].raw_code) -%}
            {%- else -%}
                {%- do tables.append(id) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do parts.append(
            "(select string_agg(above.model || above.inputs_hash, ',' order by above.model)"
            ~ " from audit.model_logic as above where above.model in ('" ~ tables | join("', '") ~ "'))"
        ) -%}
        {#- a column that says when its row was built is none of that -#}
        {%- set stamps = modules.re.escape(build_time()) ~ '\\s+as\\s' -%}
        {%- if modules.re.search(var('clock_words'), modules.re.sub(stamps, '', texts | join(' '))) -%}
            {%- do parts.append("'" ~ invocation_id ~ "'") -%}
        {%- endif -%}
    {%- endif -%}
    md5(concat_ws('/', {{ parts | join(', ') }}))
{%- endmacro %}


{#
  SQL expression: changes when the rows of a source do. Who landed a row and when is no part of it, but where the source
  names the columns that tell its rows (`compared_by`): long texts are not read for it, what is landed again has a new
  `loaded_at`.
#}
{% macro source_state(source) -%}
    {%- set columns = columns_that_tell(source) -%}
    (select concat(count(*), ' ', sum(hash({{ columns | join(', ') }}))) from {{ source.relation_name }})
{%- endmacro %}


{% macro columns_that_tell(source) %}
    {% set content = source.columns | reject('in', ['run_id', 'first_run_id', 'last_run_id', 'loaded_at']) | list %}
    {% do return(source.meta.get('compared_by') or content) %}
{% endmacro %}
