with sessions as (

    select * from {{ ref('int_sessions__states') }}

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

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

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

repository_paths as (

    select
        project_id,
        path,
        {{ file_name('path') }} as file_name

    from commit_files

    union

    select
        project_id,
        old_path as path,
        {{ file_name('old_path') }} as file_name

    from commit_files
    where old_path is not null

),

touched_paths as (

    select distinct
        sessions.project_id,
        events.path,
        {{ file_name('events.path') }} as file_name

    from events
    inner join sessions
        on events.root_session_id = sessions.root_session_id

),

-- Directories that sessions worked in; what is elsewhere (another repository, a scratch copy) is no file of this one.
directories as (

    select distinct
        sessions.project_id,
        {{ comparable_path('projects.first_cwd') }} as directory

    from {{ ref('int_sessions__projects') }} as projects
    inner join sessions
        on projects.root_session_id = sessions.root_session_id
    where projects.first_cwd is not null

),

-- A checkout can be anywhere: the longest end of a path that is a path of the repository, below a root that is known.
resolved as (

    select
        touched_paths.project_id,
        touched_paths.path,
        max_by(repository_paths.path, (length(repository_paths.path), repository_paths.path)) as repository_path

    from touched_paths
    inner join repository_paths
        on touched_paths.project_id = repository_paths.project_id
        and touched_paths.file_name = repository_paths.file_name
        and {{ finishes_with('touched_paths.path', "'/' || repository_paths.path") }}
    group by touched_paths.project_id, touched_paths.path

),

roots as (

    select distinct
        resolved.project_id,
        resolved.path,
        resolved.repository_path

    from resolved
    inner join directories
        on resolved.project_id = directories.project_id
        and (
            {{ begins_with('resolved.path', "directories.directory || '/'") }}
            or {{ begins_with(
                "directories.directory || '/'", "left(resolved.path, length(resolved.path) - length(resolved.repository_path))"
            ) }}
        )

),

final as (

    select
        -- ids
        sessions.project_id,
        events.root_session_id,
        events.file_id,

        -- text
        roots.repository_path,
        events.event_kind,

        -- numbers
        events.line_number,

        -- times
        events.sent_at

    from events
    inner join sessions
        on events.root_session_id = sessions.root_session_id
    inner join roots
        on sessions.project_id = roots.project_id
        and events.path = roots.path
    where events.sent_at is not null

)

select * from final
