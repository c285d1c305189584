-- No text of a mart holds a secret in the clear, as far as its form tells (macros/privacy.sql).
{%- set marts = [
    'agent_line_shares', 'commit_attribution', 'commit_files', 'commit_session_lines', 'commits', 'correlation_evidence',
    'correlation_quality', 'correlation_signal_quality', 'correlations', 'episode_actions', 'episodes', 'file_touches',
    'messages', 'projects', 'reaction_quality', 'schema_drift', 'sessions', 'token_usage',
    'tool_calls', 'turns',
] -%}
{#- These change with every command, and this test is to be asked only where a mart has changed. Their texts are looked
    at where they come from; privacy_redactions has none but tokens. -#}
{%- set looked_at_before = ['privacy_redactions', 'quality_gates', 'quality_measures', 'update_log'] -%}
{%- for node in graph.nodes.values() if execute and node.resource_type == 'model' and node.path.startswith('marts/') -%}
    {%- if node.name not in marts + looked_at_before -%}
        {%- do exceptions.raise_compiler_error('no_secret_is_published does not look at ' ~ node.name) -%}
    {%- endif -%}
{%- endfor %}

with texts as (

    {% for mart in marts %}
        {%- set columns = ["''"] -%}
        {%- for column in (graph.nodes['model.ope.' ~ mart].columns.values() if execute else []) -%}
            {%- do columns.append(column.name) if column.data_type == 'varchar' -%}
        {%- endfor %}
        select
            '{{ mart }}' as mart,
            concat_ws(chr(10), {{ columns | join(', ') }}) as text

        from {{ ref(mart) }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

exposed as (

    select * from {{ exposed_secrets('texts', ['mart'], 'mart') }}

)

select * from exposed
