with attribution as (

    select * from {{ ref('commit_attribution') }}

),

commits as (

    select * from {{ ref('commits') }}

),

held_commits as (

    select distinct
        project_id,
        contained_sha as commit_sha

    from {{ ref('int_commits__squashes') }}

),

-- What several commits hold counts once: the first of a family, and a squash for the commits that it holds.
counted_commits as (

    select
        commits.project_id,
        commits.commit_sha,
        coalesce(lower(commits.author_email), commits.author_name, '') as author,
        commits.author_name,
        commits.authored_at,
        commits.linked_sessions,
        cast(date_trunc('month', {{ report_time('commits.authored_at') }}) as date) as month

    from commits
    left join held_commits
        on commits.project_id = held_commits.project_id
        and commits.commit_sha = held_commits.commit_sha
    where
        not commits.is_merge
        and commits.copy_of_sha is null
        and commits.authored_at is not null
        and held_commits.commit_sha is null

),

attributed as (

    select
        project_id,
        commit_sha,
        {% for lines in ['added_lines', 'agent_lines', 'changed_lines', 'other_lines', 'unknown_lines'] %}
            coalesce(sum({{ lines }}), 0) as {{ lines }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}

    from attribution
    group by project_id, commit_sha

),

final as (

    select
        -- ids
        counted_commits.project_id,
        counted_commits.month,
        counted_commits.author,

        -- text
        max_by(counted_commits.author_name, (counted_commits.authored_at, counted_commits.commit_sha)) as author_name,

        -- numbers
        count(*) as commits,
        count(*) filter (where counted_commits.linked_sessions > 0) as linked_commits,
        {% for lines in ['added_lines', 'agent_lines', 'changed_lines', 'other_lines', 'unknown_lines'] %}
            cast(coalesce(sum(attributed.{{ lines }}), 0) as bigint) as {{ lines }},
        {% endfor %}
        {{ agent_share('sum(attributed.agent_lines)', 'sum(attributed.added_lines - attributed.unknown_lines)') }}
            as agent_line_share

    from counted_commits
    left join attributed
        on counted_commits.project_id = attributed.project_id
        and counted_commits.commit_sha = attributed.commit_sha
    group by counted_commits.project_id, counted_commits.month, counted_commits.author

)

select * from final
