-- Each successful call of a tool that touches files is one touch, where it names a path; a relative path is the end of
-- its path.
with rules as (

    select * from {{ ref('file_touch_rules') }}

),

calls as (

    select
        tool_calls.session_id,
        rules.touch_kind,
        count(*) as touches

    from {{ ref('tool_calls') }} as tool_calls
    inner join rules
        on tool_calls.tool_name = rules.tool_name
    where
        tool_calls.has_result
        and not tool_calls.is_error
        and case rules.path_argument
            when 'file_path' then tool_calls.file_path
            else tool_calls.search_path
        end is not null
    group by tool_calls.session_id, rules.touch_kind

),

file_touches as (

    select
        session_id,
        touch_kind,
        sum(touches) as touches

    from {{ ref('file_touches') }}
    group by session_id, touch_kind

),

failures as (

    select
        'as many touches as calls' as expectation,
        coalesce(calls.session_id, file_touches.session_id) as session_id,
        coalesce(calls.touch_kind, file_touches.touch_kind) as subject

    from calls
    full join file_touches
        on calls.session_id = file_touches.session_id
        and calls.touch_kind = file_touches.touch_kind
    where coalesce(calls.touches, 0) != coalesce(file_touches.touches, 0)

    union all

    select
        'the relative path is the end of the path' as expectation,
        session_id,
        path as subject

    from {{ ref('file_touches') }}
    where not ends_with(path, '/' || relative_path)

)

select * from failures
