with files as (

    select * from {{ ref('stg_claude_code__session_files') }}

),

source as (

    select * from {{ source('raw', 'session_lines') }}

),

renamed as (

    select
        -- ids
        files.root_session_id,
        files.project_id,
        source.file_id,
        source.line_number,

        -- text
        source.line,

        -- booleans
        source.is_json

    from source
    inner join files
        on source.file_id = files.file_id

)

select * from renamed
