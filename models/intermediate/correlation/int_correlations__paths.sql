with sessions as (

    select * from {{ ref('int_sessions__states') }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

),

file_changes as (

    select * from {{ ref('int_tool_calls__file_changes') }}

),

calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where file_path is not null and not is_error

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

    select
        sessions.project_id,
        file_changes.changed_path as path,
        {{ file_name('file_changes.changed_path') }} as file_name

    from file_changes
    inner join sessions
        on file_changes.root_session_id = sessions.root_session_id

    union

    select
        sessions.project_id,
        {{ comparable_path('calls.file_path') }} as path,
        {{ file_name(comparable_path('calls.file_path')) }} as file_name

    from calls
    inner join sessions
        on calls.root_session_id = sessions.root_session_id

),

-- Directories that sessions worked in; what is elsewhere (another repository, a scratch copy) is no file of this one.
directories as (

    select distinct
        sessions.project_id,
        {{ comparable_path('projects.first_cwd') }} as directory

    from {{ ref('int_sessions__projects') }} as projects
    inner join sessions
        on projects.root_session_id = sessions.root_session_id
    where
        projects.first_cwd is not null
        and not {{ matches(comparable_path('projects.first_cwd'), text_literal(var('above_homes'))) }}

),

-- A checkout can be anywhere: the longest end of a path that is a path of the repository, below a root that is known.
resolved as (

    select
        touched_paths.project_id,
        touched_paths.path,
        max_by(repository_paths.path, (length(repository_paths.path), repository_paths.path)) as repository_path,
        left(touched_paths.path, length(touched_paths.path) - max(length(repository_paths.path))) as root_path

    from touched_paths
    inner join repository_paths
        on touched_paths.project_id = repository_paths.project_id
        and touched_paths.file_name = repository_paths.file_name
        and {{ finishes_with('touched_paths.path', "'/' || repository_paths.path") }}
    group by touched_paths.project_id, touched_paths.path

),

final as (

    select distinct
        resolved.project_id,
        resolved.path,
        resolved.repository_path

    from resolved
    inner join directories
        on resolved.project_id = directories.project_id
        and (
            {{ begins_with('resolved.path', "directories.directory || '/'") }}
            or (
                {{ begins_with("directories.directory || '/'", 'resolved.root_path') }}
                -- a file of somebody's home, or of all homes, is no file of the repository below it
                and not {{ matches('resolved.root_path', text_literal(var('home_directory') ~ '/$')) }}
                and not {{ matches('resolved.root_path', text_literal(var('above_homes'))) }}
            )
        )

)

select * from final
