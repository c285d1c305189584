with roots as (

    select * from {{ ref('stg_claude_code__session_roots') }}

),

checkouts as (

    select
        project_id,
        {{ comparable_path('element') }} as checkout_path

    from {{ explode(ref('stg_registry__projects'), 'repository_paths') }}

),

first_directories as (

    select
        root_session_id,
        min_by(cwd, (file_rank, line_number)) as first_cwd,
        min_by({{ comparable_path('cwd') }}, (file_rank, line_number)) as directory

    from {{ ref('stg_claude_code__records') }}
    where cwd is not null and provenance = 'assistant'
    group by root_session_id

),

matched as (

    select
        first_directories.root_session_id,
        max_by(checkouts.project_id, (length(checkouts.checkout_path), checkouts.project_id)) as checkout_project_id

    from first_directories
    inner join checkouts
        on first_directories.directory = checkouts.checkout_path
        or {{ begins_with('first_directories.directory', "checkouts.checkout_path || '/'") }}
    group by first_directories.root_session_id

),

final as (

    select
        roots.root_session_id,
        first_directories.first_cwd,
        coalesce(matched.checkout_project_id, roots.file_project_id) as project_id

    from roots
    left join first_directories
        on roots.root_session_id = first_directories.root_session_id
    left join matched
        on roots.root_session_id = matched.root_session_id

)

select * from final
