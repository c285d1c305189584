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

amounts as (

    {% for of_project, parts, of_parts in measures %}
        select
            '{{ of_project }}' as measure,
            project_id,
            cast(coalesce({{ of_project }}, 0) as decimal(28, 8)) as in_projects,
            cast(0 as decimal(28, 8)) as in_parts

        from projects

        union all

        select
            '{{ of_project }}' as measure,
            project_id,
            cast(0 as decimal(28, 8)) as in_projects,
            cast(coalesce({{ of_parts }}, 0) as decimal(28, 8)) as in_parts

        from {{ parts }}
        group by project_id

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select
    measure,
    project_id,
    sum(in_projects) as in_projects,
    sum(in_parts) as in_parts

from amounts
group by measure, project_id
having sum(in_projects) != sum(in_parts)
