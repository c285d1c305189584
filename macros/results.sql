{#
  What dbt did, in schema `audit`: `ingest.publishing` decides by it whether the marts may be published.
  An invocation that was killed has no end. Times are UTC; invocations are ordered by number, for clocks can jump.
#}

{# At the start of every command. #}
{% macro record_start() %}
    {% if execute %}
        insert into audit.invocations (invocation_number, invocation_id, command, started_at)
        select
            coalesce(max(invocation_number), 0) + 1, '{{ invocation_id }}', '{{ flags.WHICH }}',
            cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
        from audit.invocations
    {% endif %}
{% endmacro %}


{# At the end of every command: one row per node that it ran, the nodes of the project, and that it ended. #}
{% macro record_results(results) %}
    {% if execute %}
        {% if results %}
        insert into audit.dbt_results
        select * from (values
        {% for result in results %}
            {% set timing = result.timing | selectattr('name', 'equalto', 'execute') | list | first %}
            (
                '{{ invocation_id }}', '{{ result.node.unique_id }}', '{{ result.node.resource_type }}',
                '{{ result.node.name }}', '{{ result.status }}', {{ result.failures if result.failures is not none else 'null' }},
                {{ (result.adapter_response or {}).get('rows_affected') or 'null' }},
                {{ (result.execution_time * 1000) | round | int }},
                '{{ (result.message or '') | string | truncate(500) | replace("'", "''") }}',
                {% if timing and timing.started_at %}cast('{{ timing.started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp){% else %}null{% endif %},
                {% if timing and timing.completed_at %}cast('{{ timing.completed_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp){% else %}null{% endif %}
            ){{ ',' if not loop.last }}
        {% endfor %}
        );
        {{ replace_nodes() }}
        {% endif %}
        update audit.invocations
        set ended_at = cast('{{ modules.datetime.datetime.now(modules.pytz.utc).strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
        where invocation_id = '{{ invocation_id }}'
    {% endif %}
{% endmacro %}


{# What the project consists of now: models and seeds that are relations, and data tests. #}
{% macro replace_nodes() %}
    {% set nodes = [] %}
    {% for node in graph.nodes.values() if node.resource_type in ('model', 'seed', 'test') %}
        {% do nodes.append(node) if node.config.materialized != 'ephemeral' %}
    {% endfor %}
    delete from audit.nodes;
    insert into audit.nodes
    select * from (values
    {% for node in nodes %}
        (
            '{{ node.unique_id }}', '{{ node.resource_type }}', '{{ node.name }}',
            '{{ node.original_file_path.replace("'", "''") }}', '{{ node.schema }}',
            {{ "null" if node.resource_type == 'test' else "'" ~ node.alias ~ "'" }},
            {{ "'" ~ node.config.severity | lower ~ "'" if node.resource_type == 'test' else 'null' }},
            cast({{ node.depends_on.nodes | list if node.depends_on.nodes else '[]' }} as varchar[])
        ){{ ',' if not loop.last }}
    {% endfor %}
    );
{% endmacro %}


{# What a person has to know after `dbt build`: how old its input and what others read are. Printed, never a failure. #}
{% macro say_what_is_older(results) %}
    {% if execute and results and flags.WHICH in ('build', 'run') %}
        {% set synced = run_query(
            "select strftime(max(ended_at), '%Y-%m-%d %H:%M') from raw.ingest_runs where step = 'land' and status = 'ok'"
        ).rows[0][0] %}
        {% do log('Last sync: ' ~ (synced ~ ' UTC' if synced else 'never; run `python -m ingest sync`') ~ '.', info=true) %}
        {% set marts = target.path.rsplit('/', 1)[0] ~ '/marts.db' %}
        {% set literal = "'" ~ marts.replace("'", "''") ~ "'" %}
        {% set published = run_query(
            "select strftime(last_modified, '%Y-%m-%d %H:%M') from read_blob(" ~ literal ~ ")"
        ).rows[0][0] if run_query("from glob(" ~ literal ~ ")").rows else none %}
        {% do log(
            marts ~ (' is older than this build (' ~ published ~ ' UTC)' if published else ' is not written yet')
            ~ ': `python -m ingest publish` brings it up to date.', info=true
        ) %}
    {% endif %}
{% endmacro %}
