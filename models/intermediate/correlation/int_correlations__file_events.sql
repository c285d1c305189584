{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with sessions as (

    select * from {{ ref('int_sessions__states') }}
    where {{ in_changed_projects() }}

),

file_changes as (

    select * from {{ ref('int_tool_calls__file_changes') }}

),

calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where not is_error and has_result

),

read_tools as (

    select * from {{ ref('file_touch_rules') }}
    where touch_kind = 'read' and path_argument = 'file_path'

),

paths as (

    select * from {{ ref('int_correlations__paths') }}
    where {{ in_changed_projects() }}

),

events as (

    select
        root_session_id,
        changed_path as path,
        'changed' as event_kind,
        file_id,
        line_number,
        sent_at

    from file_changes

    union all

    select
        calls.root_session_id,
        {{ comparable_path('calls.file_path') }} as path,
        'read' as event_kind,
        calls.use_file_id as file_id,
        calls.use_line_number as line_number,
        calls.sent_at

    from calls
    inner join read_tools
        on calls.tool_name = read_tools.tool_name

),

final as (

    select distinct
        -- ids
        sessions.project_id,
        events.root_session_id,
        events.file_id,

        -- text
        paths.repository_path,
        events.event_kind,

        -- numbers
        events.line_number,

        -- times
        events.sent_at

    from events
    inner join sessions
        on events.root_session_id = sessions.root_session_id
    inner join paths
        on sessions.project_id = paths.project_id
        and events.path = paths.path
    where events.sent_at is not null

)

select * from final
