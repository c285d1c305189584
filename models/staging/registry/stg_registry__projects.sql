with source as (

    select * from {{ source('raw', 'projects') }}

),

renamed as (

    select
        -- ids
        project_id,

        -- text
        name,
        repository,
        repository_paths,
        session_directories,
        git_metadata_path,
        status,
        notes,

        -- numbers
        instrumentation_tier,

        -- times
        since,
        added_at

    from source

)

select * from renamed
