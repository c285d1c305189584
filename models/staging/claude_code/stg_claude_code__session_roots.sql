with files as (

    select * from {{ ref('stg_claude_code__session_files') }}

),

states as (

    select
        root_session_id,
        min_by(project_id, (session_id, file_rank)) as file_project_id,
        md5({{ ordered_text(
            "concat_ws(':', file_id, session_id, content_hash, lines, file_rank, md5(sidecar))",
            "','",
            'session_id, file_rank'
        ) }}) as state_hash

    from files
    group by root_session_id

)

select * from states
