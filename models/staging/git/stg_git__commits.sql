with source as (

    select * from {{ source('raw', 'commits') }}

),

renamed as (

    select
        -- ids
        project_id,
        commit_sha,
        {{ element_at('parents', 1) }} as first_parent_sha,
        parents as parent_shas,

        -- text
        author_name,
        author_email,
        committer_name,
        committer_email,
        message,
        split_part(message, chr(10), 1) as subject,
        source_ref,

        -- numbers
        {{ array_length('parents') }} as parent_count,

        -- booleans
        coalesce(is_reachable, true) as is_reachable,
        coalesce(is_boundary, false) as is_boundary,

        -- times
        {{ utc_timestamp('authored_at') }} as authored_at,
        {{ utc_timestamp('committed_at') }} as committed_at,
        -- the author's own clock, for hours and weekdays
        try_cast(substr(authored_at, 1, 19) as timestamp) as authored_local_at

    from source

)

select * from renamed
