-- Each row of a by-session mart belongs to a session, with the same root and the same project; the sessions are exactly
-- those that the files and the states know, and a subagent has the root of its parent.
with sessions as (

    select * from {{ ref('sessions') }}

),

failures as (

    {% for mart in ['messages', 'tool_calls', 'token_usage', 'file_touches'] %}
        select
            'row of {{ mart }} with its session' as expectation,
            parts.session_id,
            count(*) as affected

        from {{ ref(mart) }} as parts
        left join sessions
            on parts.session_id = sessions.session_id
            and parts.root_session_id = sessions.root_session_id
            and parts.project_id = sessions.project_id
        where sessions.session_id is null
        group by parts.session_id

        union all

    {% endfor %}
    select
        'file with its session' as expectation,
        files.session_id,
        count(*) as affected

    from {{ ref('stg_claude_code__session_files') }} as files
    left join sessions
        on files.session_id = sessions.session_id
        and files.root_session_id = sessions.root_session_id
    where sessions.session_id is null
    group by files.session_id

    union all

    select
        'session with its state' as expectation,
        sessions.session_id,
        1 as affected

    from sessions
    left join {{ ref('int_sessions__states') }} as states
        on sessions.root_session_id = states.root_session_id
        and sessions.project_id = states.project_id
    where states.root_session_id is null

    union all

    select
        'root of the parent' as expectation,
        sessions.session_id,
        1 as affected

    from sessions
    inner join sessions as parents
        on sessions.parent_session_id = parents.session_id
    where sessions.root_session_id != parents.root_session_id

    union all

    select
        'its own root where nothing started it' as expectation,
        session_id,
        1 as affected

    from sessions
    where parent_session_id is null and session_id != root_session_id

)

select * from failures
