-- What `projects` says is what the sessions and commits of the project add up to, and no session or commit belongs to
-- a project that is not registered.
{%- set measures = [
    ('sessions', ref('sessions'), 'count(*) filter (where parent_session_id is null)'),
    ('subagent_sessions', ref('sessions'), 'count(*) filter (where parent_session_id is not null)'),
    ('tool_calls', ref('tool_calls'), 'count(*)'),
    ('total_tokens', ref('token_usage'), 'sum(total_tokens)'),
    ('cost_usd', ref('token_usage'), 'sum(cost_usd)'),
    ('commits', ref('commits'), 'count(*)'),
    ('merge_commits', ref('commits'), 'count(*) filter (where is_merge)'),
    ('bot_commits', ref('commits'), 'count(*) filter (where is_bot)'),
    ('parse_errors', ref('stg_operations__parse_errors'), 'count(*)'),
] %}

with projects as (

    select * from {{ ref('projects') }}

),

compared as (

    {% for of_project, parts, of_parts in measures %}
    select
        '{{ of_project }}' as measure,
        coalesce(projects.project_id, parts.project_id) as project_id,
        projects.project_id is not null as is_registered,
        cast(coalesce(projects.{{ of_project }}, 0) as decimal(28, 8)) as in_projects,
        cast(coalesce(parts.amount, 0) as decimal(28, 8)) as in_parts

    from projects
    full join (
        select
            project_id,
            {{ of_parts }} as amount

        from {{ parts }}
        group by project_id
    ) as parts
        on projects.project_id = parts.project_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from compared
where in_projects != in_parts
