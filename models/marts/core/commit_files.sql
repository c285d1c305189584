with commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

),

final as (

    select
        -- ids
        project_id,
        commit_sha,
        file_index,

        -- text
        path,
        old_path,
        status,

        -- numbers
        insertions,
        deletions,
        {{ array_length('added_line_hashes') }} as added_fingerprints,
        {{ array_length('removed_line_hashes') }} as removed_fingerprints,

        -- booleans
        insertions is null as is_binary

    from commit_files

)

select * from final
