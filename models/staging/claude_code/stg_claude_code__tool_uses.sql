with source as (

    select * from {{ ref('stg_claude_code__content_blocks') }}
    where block_type = 'tool_use'

),

inputs as (

    select
        *,
        {{ json_values('tool_input', [
            '$.file_path', '$.notebook_path', '$.path', '$.command', '$.pattern', '$.query', '$.url',
            '$.description', '$.prompt', '$.subagent_type', '$.skill', '$.subject', '$.glob'
        ], guard='json_valid(tool_input)') }} as fields

    from source

),

renamed as (

    select
        -- ids
        root_session_id,
        session_id,
        file_id,
        line_number,
        block_index,
        tool_use_id,

        -- text
        tool_name,
        tool_input as input,
        coalesce({{ element_at('fields', 1) }}, {{ element_at('fields', 2) }}) as file_path,
        {{ element_at('fields', 3) }} as search_path,
        {{ element_at('fields', 4) }} as command,
        {{ element_at('fields', 5) }} as pattern,
        {{ element_at('fields', 6) }} as query,
        {{ element_at('fields', 7) }} as url,
        {{ element_at('fields', 8) }} as description,
        {{ element_at('fields', 9) }} as prompt,
        {{ element_at('fields', 10) }} as subagent_type,
        {{ element_at('fields', 11) }} as skill,
        {{ element_at('fields', 12) }} as subject

    from inputs

)

select * from renamed
