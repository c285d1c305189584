with source as (

    select * from {{ source('raw', 'reflog') }}

),

renamed as (

    select
        -- ids
        project_id,
        ref,
        entry_index,
        commit_sha,
        previous_sha,

        -- text
        action,
        message,

        -- times
        {{ utc_timestamp('moved_at') }} as moved_at

    from source

)

select * from renamed
