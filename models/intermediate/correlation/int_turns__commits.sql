with accepted as (

    select * from {{ ref('int_correlations__accepted') }}

),

commits as (

    select * from {{ ref('stg_git__commits') }}

),

line_matches as (

    select * from {{ ref('int_correlations__line_matches') }}
    where side = 'added'

),

file_events as (

    select * from {{ ref('int_correlations__file_evidence') }}
    where event_kind = 'changed'

),

mentions as (

    select * from {{ ref('int_correlations__mentions') }}
    where file_id is not null

),

line_turns as (

    select * from {{ ref('int_records__turns') }}

),

-- Where in the session's log a linked commit came from: lines that went into it, a changed file, the command itself.
traces as (

    {% for source, importance in [('line_matches', 1000), ('mentions', 2), ('file_events', 1)] %}
        select
            accepted.project_id,
            accepted.commit_sha,
            accepted.root_session_id,
            {{ source }}.file_id,
            {{ source }}.line_number,
            {{ importance }} as importance

        from accepted
        inner join {{ source }}
            on accepted.project_id = {{ source }}.project_id
            and accepted.commit_sha = {{ source }}.commit_sha
            and accepted.root_session_id = {{ source }}.root_session_id

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

turns as (

    select
        traces.root_session_id,
        line_turns.root_turn_index as turn_index,
        traces.project_id,
        traces.commit_sha,
        sum(traces.importance) as importance

    from traces
    inner join line_turns
        on traces.file_id = line_turns.file_id
        and traces.line_number = line_turns.line_number
    group by traces.root_session_id, line_turns.root_turn_index, traces.project_id, traces.commit_sha

),

final as (

    select
        turns.root_session_id,
        turns.turn_index,
        count(*) as commits,
        min_by(turns.commit_sha, (-turns.importance, commits.authored_at, turns.commit_sha)) as commit_sha

    from turns
    inner join commits
        on turns.project_id = commits.project_id
        and turns.commit_sha = commits.commit_sha
    group by turns.root_session_id, turns.turn_index

)

select * from final
