with source as (

    select * from {{ ref('stg_claude_code__content_blocks') }}
    where block_type = 'tool_use' and tool_name in ({{ word_literals('editing_tools') }})

),

inputs as (

    select
        *,
        {{ json_values('tool_input', [
            '$.file_path', '$.notebook_path', '$.old_string', '$.new_string', '$.content', '$.new_source'
        ], guard='json_valid(tool_input)') }} as fields,
        case
            when json_valid(tool_input) and tool_input like '%"edits"%'
                then {{ json_joined('tool_input', '$.edits[*].old_string', 'chr(10)') }}
        end as old_strings,
        case
            when json_valid(tool_input) and tool_input like '%"edits"%'
                then {{ json_joined('tool_input', '$.edits[*].new_string', 'chr(10)') }}
        end as new_strings

    from source

),

renamed as (

    select
        -- ids
        root_session_id,
        file_id,
        line_number,
        block_index,

        -- text
        coalesce({{ element_at('fields', 1) }}, {{ element_at('fields', 2) }}) as file_path,
        coalesce({{ element_at('fields', 3) }}, old_strings) as old_text,
        coalesce(
            {{ element_at('fields', 4) }}, new_strings, {{ element_at('fields', 5) }}, {{ element_at('fields', 6) }}
        ) as new_text,
        case
            when {{ element_at('fields', 6) }} is not null then 'notebook'
            when {{ element_at('fields', 5) }} is not null then 'write'
            else 'edit'
        end as change_method

    from inputs

)

select * from renamed
