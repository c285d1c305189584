{{ config(materialized='incremental') }}

with files as (

    select * from {{ ref('stg_claude_code__session_files') }}
    where {{ in_changed_sessions('stg_claude_code__session_roots') }}

),

lines as (

    select
        files.root_session_id,
        files.session_id as file_session_id,
        source.file_id,
        source.line_number,
        {{ json_documents('source.line', [
            '$.type', '$.data.type', '$.data.agentId', '$.data.message.type',
            '$.message.content', '$.data.message.message.content'
        ], guard='source.is_json') }} as fields

    from {{ source('raw', 'session_lines') }} as source
    inner join files
        on source.file_id = files.file_id

),

named as (

    select
        root_session_id,
        file_session_id,
        file_id,
        line_number,
        {{ json_value(element_at('fields', 1), '$') }} as record_type,
        {{ json_value(element_at('fields', 2), '$') }} as progress_type,
        {{ json_value(element_at('fields', 3), '$') }} as agent_id,
        {{ json_value(element_at('fields', 4), '$') }} as embedded_type,
        coalesce({{ element_at('fields', 5) }}, {{ element_at('fields', 6) }}) as content

    from lines

),

contents as (

    select
        root_session_id,
        case
            when progress_type = 'agent_progress'
                then root_session_id || '/agent-' || coalesce(nullif(agent_id, ''), 'unknown')
            else file_session_id
        end as session_id,
        file_id,
        line_number,
        content

    from named
    where
        (progress_type is null and record_type in ('user', 'assistant'))
        or (progress_type = 'agent_progress' and embedded_type in ('user', 'assistant'))

),

elements as (

    select
        *,
        {{ json_elements('content') }} as blocks

    from contents

),

exploded as (

    select
        root_session_id,
        session_id,
        file_id,
        line_number,
        element_index as block_index,
        {{ json_values('element', [
            '$.type', '$.text', '$.thinking', '$.id', '$.name', '$.tool_use_id', '$.is_error'
        ]) }} as fields,
        {{ json_documents('element', ['$.input', '$.content']) }} as documents,
        case when element like '"%' then {{ json_value('element', '$') }} end as plain_text

    from {{ explode('elements', 'blocks') }}

),

documents as (

    select
        *,
        nullif(cast({{ element_at('documents', 1) }} as {{ dbt.type_string() }}), 'null') as tool_input,
        {{ element_at('documents', 2) }} as result_content

    from exploded

),

blocks as (

    select
        root_session_id,
        session_id,
        file_id,
        line_number,
        block_index,
        case when plain_text is not null then 'text' else {{ element_at('fields', 1) }} end as block_type,
        coalesce(plain_text, {{ element_at('fields', 2) }}, {{ element_at('fields', 3) }}) as block_text,
        case
            when {{ element_at('fields', 1) }} in ('tool_use', 'tool_result')
                then coalesce(
                    nullif({{ element_at('fields', 4) }}, ''),
                    nullif({{ element_at('fields', 6) }}, ''),
                    -- a call or an answer that lost its id: its place is its id
                    concat_ws(':', file_id, line_number, block_index)
                )
        end as tool_use_id,
        {{ element_at('fields', 5) }} as tool_name,
        tool_input,
        case
            when result_content like '[%' then {{ json_joined('result_content', '$[*].text', "chr(10)") }}
            else {{ json_value('result_content', '$') }}
        end as result_text,
        coalesce(try_cast({{ element_at('fields', 7) }} as boolean), false) as is_error

    from documents

    union all

    select
        root_session_id,
        session_id,
        file_id,
        line_number,
        1 as block_index,
        'text' as block_type,
        {{ json_value('content', '$') }} as block_text,
        null as tool_use_id,
        null as tool_name,
        null as tool_input,
        null as result_text,
        false as is_error

    from elements
    where content is not null and blocks is null

)

select * from blocks
