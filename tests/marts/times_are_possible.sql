-- Nothing ends before it starts, and no session worked longer than it lasted.
with failures as (

    select
        'sessions' as subject,
        session_id as id

    from {{ ref('sessions') }}
    where
        ended_at < started_at
        or active_seconds < 0
        or active_seconds * 1000 > coalesce({{ ms_between('started_at', 'ended_at') }}, 0)

    union all

    select
        'messages' as subject,
        message_id as id

    from {{ ref('messages') }}
    where ended_at < sent_at

    union all

    select
        'messages outside of their session' as subject,
        messages.message_id as id

    from {{ ref('messages') }} as messages
    inner join {{ ref('sessions') }} as sessions
        on messages.session_id = sessions.session_id
    where messages.sent_at < sessions.started_at or messages.ended_at > sessions.ended_at

    union all

    select
        'file_touches' as subject,
        concat_ws(' ', session_id, path) as id

    from {{ ref('file_touches') }}
    where last_touched_at < first_touched_at

)

select * from failures
