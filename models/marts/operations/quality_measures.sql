{#- Gate, where it is counted, how many there are, how many of them are bad, a measure that is no count, an example. -#}
{%- set gates = [
    ('source_freshness', 'freshness', 'counted', 'null', 'measures.days', 'measures.example'),
    ('malformed_lines', 'lines', 'written_lines', 'measures.malformed_lines', 'null', 'measures.malformed_line'),
    ('unknown_record_types', 'drift_counts', 'records', 'measures.type_records', 'null', 'measures.type_example'),
    ('new_fields', 'drift_counts', 'records', 'measures.fields', 'null', 'measures.field_example'),
    ('orphan_tool_results', 'lines', 'tool_results', 'measures.orphan_tool_results', 'null', 'measures.orphan_session_id'),
    ('sessions_without_prompts', 'session_counts', 'sessions', 'measures.silent', 'null', 'measures.example'),
    ('commits_without_files', 'commit_counts', 'with_own_files', 'measures.without_files', 'null', 'measures.example'),
    ('unpriced_models', 'usage_counts', 'responses', 'measures.unpriced', 'null', 'measures.example'),
    ('taxonomy_coverage', 'call_counts', 'calls', 'measures.unclassified', 'null', 'measures.example'),
    ('correlation_precision', 'links', 'links', 'null', 'measures.link_precision', 'measures.example'),
    ('sums', 'sum_counts', 'things', 'measures.different', 'null', 'measures.example'),
] -%}

{#- What two layers have of the same thing. -#}
{%- set sums = [
    ('lines', 'sum(archived_lines)', 'lines', 'sum(staged_lines)', 'lines'),
    ('commits', 'count(*)', ref('stg_git__commits'), 'sum(commits)', 'commit_counts'),
    ('turns', 'sum(turns)', 'sessions', 'count(*) filter (where turn_index > 0)', ref('turns')),
    ('tool calls', 'sum(tool_calls)', 'sessions', 'sum(calls)', 'call_counts'),
    ('tokens', 'sum(total_tokens)', 'sessions', 'sum(tokens)', 'usage_counts'),
] -%}

with projects as (

    select * from {{ ref('stg_registry__projects') }}
    where status != 'excluded'

),

lines as (

    select * from {{ ref('int_projects__archived_lines') }}

),

drift as (

    select * from {{ ref('schema_drift') }}

),

sessions as (

    select * from {{ ref('sessions') }}

),

tool_calls as (

    select * from {{ ref('tool_calls') }}

),

token_usage as (

    select * from {{ ref('token_usage') }}

),

commits as (

    select * from {{ ref('commits') }}

),

links as (

    select
        project_id,
        -- where the precision is too low, no link is accepted any more
        case when link_precision is not null then greatest(linked_commits, 1) end as links,
        link_precision,
        case when is_link_precision_measured then 'measured on labels' else 'estimated without labels' end as example

    from {{ ref('projects') }}

),

-- Where the sources are gone, there is nothing to wait for.
freshness as (

    select
        projects.project_id,
        1 as counted,
        greatest(round(
            {{ ms_between('coalesce(lines.read_at, projects.added_at)', build_time()) }} / 86400000.0, 2
        ), 0) as days,
        concat('last read ', coalesce(cast(lines.read_at as {{ dbt.type_string() }}), 'never')) as example

    from projects
    left join lines
        on projects.project_id = lines.project_id
    where projects.status != 'archived'

),

drifts as (

    select
        project_id,
        cast(sum(case when drift_kind = 'record type' then records else 0 end) as bigint) as type_records,
        count(*) filter (where drift_kind = 'field') as fields,
        min_by(drift_name, (-records, drift_name)) filter (where drift_kind = 'record type') as type_example,
        min_by(drift_name, (-records, drift_name)) filter (where drift_kind = 'field') as field_example

    from drift
    group by project_id

),

drift_counts as (

    select
        lines.project_id,
        lines.records,
        coalesce(drifts.type_records, 0) as type_records,
        coalesce(drifts.fields, 0) as fields,
        drifts.type_example,
        drifts.field_example

    from lines
    left join drifts
        on lines.project_id = drifts.project_id

),

session_counts as (

    select
        project_id,
        count(*) filter (where not is_subagent) as sessions,
        count(*) filter (where not is_subagent and turns = 0) as silent,
        min(case when not is_subagent and turns = 0 then session_id end) as example

    from sessions
    group by project_id

),

kept_commits as (

    select
        *,
        not is_merge and not coalesce(is_boundary, false) as has_own_files

    from commits

),

commit_counts as (

    select
        project_id,
        count(*) as commits,
        count(*) filter (where has_own_files) as with_own_files,
        count(*) filter (where has_own_files and files = 0) as without_files,
        min(case when has_own_files and files = 0 then commit_sha end) as example

    from kept_commits
    group by project_id

),

usage_counts as (

    select
        project_id,
        count(*) as responses,
        count(*) filter (where not is_priced) as unpriced,
        min(case when not is_priced then model end) as example,
        sum(total_tokens) as tokens

    from token_usage
    group by project_id

),

judged_calls as (

    select
        *,
        action_id in ('{{ var("unclassified_actions") | join("', '") }}') as is_unclassified

    from tool_calls

),

call_counts as (

    select
        project_id,
        count(*) as calls,
        count(*) filter (where is_unclassified) as unclassified,
        min(case when is_unclassified then tool_name end) as example

    from judged_calls
    group by project_id

),

-- What one layer has of a thing, and the next.
amounts as (

    {% for thing, of_first, first, of_second, second in sums %}
        select
            '{{ thing }}' as thing,
            project_id,
            cast(coalesce({{ of_first }}, 0) as bigint) as in_first,
            0 as in_second

        from {{ first }}
        group by project_id

        union all

        select
            '{{ thing }}' as thing,
            project_id,
            0 as in_first,
            cast(coalesce({{ of_second }}, 0) as bigint) as in_second

        from {{ second }}
        group by project_id

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

balances as (

    select
        thing,
        project_id,
        sum(in_first) != sum(in_second) as differs,
        concat(thing, ': ', sum(in_first), ' and ', sum(in_second)) as example

    from amounts
    group by thing, project_id

),

sum_counts as (

    select
        project_id,
        count(*) as things,
        count(*) filter (where differs) as different,
        min(case when differs then example end) as example

    from balances
    group by project_id

),

final as (

    {% for gate, relation, counted, bad, measured, example in gates %}
        select
            projects.project_id,
            '{{ gate }}' as gate,
            cast(coalesce(measures.{{ counted }}, 0) as bigint) as counted,
            cast({{ bad }} as bigint) as bad,
            cast({{ measured }} as double) as measured,
            cast({{ example }} as {{ dbt.type_string() }}) as example

        from projects
        left join {{ relation }} as measures
            on projects.project_id = measures.project_id

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select * from final
