with source as (

    select * from {{ source('raw', 'commit_files') }}

),

renamed as (

    select
        -- ids
        project_id,
        commit_sha,
        file_index,

        -- text
        path,
        old_path,
        status,
        added_line_hashes,
        removed_line_hashes,

        -- numbers
        insertions,
        deletions

    from source

)

select * from renamed
