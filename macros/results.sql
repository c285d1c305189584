{# Writes what dbt did in this run to `audit.dbt_results`, one row per node (at the end of every run). #}
{% macro record_results(results) %}
    {% if execute and results %}
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
        )
    {% endif %}
{% endmacro %}
