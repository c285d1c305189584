with commits as (

    select * from {{ ref('stg_git__commits') }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

),

files as (

    select
        project_id,
        commit_sha,
        {{ set_fingerprint("concat_ws('|', file_index, path, status, added_line_hashes, removed_line_hashes)") }}
            as files_hash

    from commit_files
    group by project_id, commit_sha

),

final as (

    select
        commits.project_id || '/' || commits.commit_sha as commit_id,
        commits.project_id,
        commits.commit_sha,
        md5(concat_ws('|', commits.commit_sha, files.files_hash)) as state_hash

    from commits
    left join files
        on commits.project_id = files.project_id
        and commits.commit_sha = files.commit_sha
    where coalesce(commits.parent_count, 0) < 2

)

select * from final
