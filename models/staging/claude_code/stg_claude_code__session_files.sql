with source as (

    select * from {{ source('raw', 'session_files') }}
    where agent = 'claude-code'

),

described as (

    select
        *,
        {{ json_values('sidecar', ['$.agentType', '$.description', '$.toolUseId', '$.spawnDepth'],
            guard='json_valid(sidecar)') }} as sidecar_values,
        max(version) over (partition by project_id, regexp_replace(path, '\.v[0-9]+\.jsonl$', '.jsonl')) as last_version

    from source

),

renamed as (

    select
        -- ids
        file_id,
        project_id,
        session_id,
        parent_session_id,
        split_part(session_id, '/', 1) as root_session_id,

        -- text
        path,
        content_hash,
        sidecar,
        {{ element_at('sidecar_values', 1) }} as subagent_type,
        {{ element_at('sidecar_values', 2) }} as subagent_description,
        {{ element_at('sidecar_values', 3) }} as spawned_by_tool_use_id,

        -- numbers
        version,
        bytes,
        lines,
        try_cast({{ element_at('sidecar_values', 4) }} as integer) as spawn_depth,
        row_number() over (
            partition by session_id
            order by case when version = last_version then 0 else 1 end, lines desc, bytes desc, content_hash, file_id
        ) as file_rank

    from described

)

select * from renamed
