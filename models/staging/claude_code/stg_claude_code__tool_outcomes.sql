{{ config(materialized='incremental') }}

{%- set paths = {
    'agent_id': '$.toolUseResult.agentId',
    'status': '$.toolUseResult.status',
    'is_async': '$.toolUseResult.isAsync',
    'is_interrupted': '$.toolUseResult.interrupted',
    'total_duration_ms': '$.toolUseResult.totalDurationMs',
    'git_commit_sha': '$.toolUseResult.gitOperation.commit.sha',
    'written_kind': '$.toolUseResult.type',
    'file_path': '$.toolUseResult.filePath',
    'original_file': '$.toolUseResult.originalFile',
    'old_string': '$.toolUseResult.oldString',
    'new_string': '$.toolUseResult.newString',
    'written_content': '$.toolUseResult.content',
    'read_content': '$.toolUseResult.file.content',
    'read_path': '$.toolUseResult.file.filePath',
    'read_lines': '$.toolUseResult.file.numLines',
    'total_lines': '$.toolUseResult.file.totalLines',
    'persisted_path': '$.toolUseResult.persistedOutputPath',
    'hunks': '$.toolUseResult.structuredPatch',
} -%}

with files as (

    select * from {{ ref('stg_claude_code__session_files') }}
    where {{ in_changed_sessions('stg_claude_code__session_roots') }}

),

lines as (

    select
        files.root_session_id,
        source.file_id,
        source.line_number,
        {{ json_values('source.line', paths.values() | list, guard='source.is_json') }} as fields

    from {{ source('raw', 'session_lines') }} as source
    inner join files
        on source.file_id = files.file_id
    where source.line like '%"toolUseResult":%'

),

named as (

    select
        root_session_id,
        file_id,
        line_number,
        {% for name in paths -%}
            {{ element_at('fields', loop.index) }} as {{ name }}{% if not loop.last %},{% endif %}
        {% endfor %}

    from lines

),

renamed as (

    select
        -- ids
        root_session_id,
        file_id,
        line_number,
        agent_id,
        git_commit_sha,

        -- text
        status,
        coalesce(file_path, read_path) as file_path,
        persisted_path,
        case
            -- the file as it is after the call: read whole, written whole, or edited in a known original
            when read_content is not null and read_lines = total_lines then md5(read_content)
            when written_content is not null and file_path is not null then md5(written_content)
            when old_string = '' and coalesce(original_file, '') = '' then md5(new_string)
            -- an edit without replace_all is refused unless its old text stands there just once
            when old_string != '' and contains(original_file, old_string)
                then md5(replace(original_file, old_string, new_string))
        end as content_hash,
        -- of a hunk, the unchanged lines around it are of no use
        case
            when hunks like '[{"%' and json_valid(hunks)
                then {{ replaced(json_joined('hunks', '$[*].lines[*]', 'chr(10)'), "'(?m:^ .*\\n?)'", "''") }}
        end as patch,
        case
            when written_content is not null and coalesce(hunks, '') not like '[{"%' then original_file
        end as replaced_content,

        -- numbers
        try_cast(total_duration_ms as bigint) as total_duration_ms,

        -- booleans
        coalesce(try_cast(is_async as boolean), false) as is_async,
        coalesce(try_cast(is_interrupted as boolean), false) as is_interrupted,
        coalesce(written_kind = 'create', false) as is_new_file

    from named

)

select * from renamed
