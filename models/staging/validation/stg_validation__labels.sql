with source as (

    select * from {{ source('raw', 'labels') }}

),

renamed as (

    select
        -- ids
        project_id,
        label_kind,
        label_set,
        coalesce(session_id, '') || ' ' || coalesce(commit_sha, '') || ' ' || coalesce(message_uuid, '') as subject_id,
        session_id,
        commit_sha,
        message_uuid,

        -- text
        label,
        labelled_by,
        note,

        -- booleans
        coalesce(is_sure, false) as is_sure,

        -- times
        labelled_at

    from source

)

select * from renamed
