{{ config(materialized='incremental') }}

{%- set paths = {
    'record_type': '$.type',
    'record_uuid': '$.uuid',
    'parent_uuid': '$.parentUuid',
    'logical_parent_uuid': '$.logicalParentUuid',
    'recorded_session_id': '$.sessionId',
    'forked_from_session_id': '$.forkedFrom.sessionId',
    'recorded_at': '$.timestamp',
    'cwd': '$.cwd',
    'git_branch': '$.gitBranch',
    'agent_version': '$.version',
    'entrypoint': '$.entrypoint',
    'permission_mode': '$.permissionMode',
    'prompt_id': '$.promptId',
    'prompt_source': '$.promptSource',
    'origin_kind': '$.origin.kind',
    'is_meta': '$.isMeta',
    'is_sidechain': '$.isSidechain',
    'is_compact_summary': '$.isCompactSummary',
    'is_api_error': '$.isApiErrorMessage',
    'has_plan': '$.planContent',
    'source_tool_use_id': '$.sourceToolUseID',
    'request_id': '$.requestId',
    'message_id': '$.message.id',
    'model': '$.message.model',
    'role': '$.message.role',
    'stop_reason': '$.message.stop_reason',
    'input_tokens': '$.message.usage.input_tokens',
    'output_tokens': '$.message.usage.output_tokens',
    'cache_write_tokens': '$.message.usage.cache_creation_input_tokens',
    'cache_read_tokens': '$.message.usage.cache_read_input_tokens',
    'cache_write_5m_tokens': '$.message.usage.cache_creation.ephemeral_5m_input_tokens',
    'cache_write_1h_tokens': '$.message.usage.cache_creation.ephemeral_1h_input_tokens',
    'service_tier': '$.message.usage.service_tier',
    'speed': '$.message.usage.speed',
    'system_subtype': '$.subtype',
    'level': '$.level',
    'duration_ms': '$.durationMs',
    'system_content': '$.content',
    'compact_trigger': '$.compactMetadata.trigger',
    'compact_pre_tokens': '$.compactMetadata.preTokens',
    'progress_type': '$.data.type',
    'parent_tool_use_id': '$.parentToolUseID',
    'agent_id': '$.data.agentId',
    'embedded_type': '$.data.message.type',
    'embedded_uuid': '$.data.message.uuid',
    'embedded_at': '$.data.message.timestamp',
    'embedded_request_id': '$.data.message.requestId',
    'embedded_message_id': '$.data.message.message.id',
    'embedded_model': '$.data.message.message.model',
    'embedded_role': '$.data.message.message.role',
    'embedded_stop_reason': '$.data.message.message.stop_reason',
    'embedded_input_tokens': '$.data.message.message.usage.input_tokens',
    'embedded_output_tokens': '$.data.message.message.usage.output_tokens',
    'embedded_cache_write_tokens': '$.data.message.message.usage.cache_creation_input_tokens',
    'embedded_cache_read_tokens': '$.data.message.message.usage.cache_read_input_tokens',
    'embedded_cache_write_5m_tokens': '$.data.message.message.usage.cache_creation.ephemeral_5m_input_tokens',
    'embedded_cache_write_1h_tokens': '$.data.message.message.usage.cache_creation.ephemeral_1h_input_tokens',
    'embedded_service_tier': '$.data.message.message.usage.service_tier',
    'embedded_speed': '$.data.message.message.usage.speed',
    'attachment_type': '$.attachment.type',
    'attachment_prompt': '$.attachment.prompt',
    'attachment_mode': '$.attachment.commandMode',
    'attachment_origin_kind': '$.attachment.origin.kind',
    'queue_operation': '$.operation',
    'summary': '$.summary',
    'ai_title': '$.aiTitle',
    'custom_title': '$.customTitle',
    'leaf_uuid': '$.leafUuid',
    'last_prompt': '$.lastPrompt',
    'pr_number': '$.prNumber',
    'pr_url': '$.prUrl',
    'pr_repository': '$.prRepository',
    'bridge_session_id': '$.bridgeSessionId',
    'event_url': '$.url',
} -%}

with files as (

    select * from {{ ref('stg_claude_code__session_files') }}
    where {{ in_changed_sessions('stg_claude_code__session_roots') }}

),

lines as (

    select
        files.root_session_id,
        files.session_id as file_session_id,
        files.parent_session_id,
        files.file_id,
        files.file_rank,
        source.line_number,
        source.is_json,
        source.line,
        {{ json_values('source.line', paths.values() | list, guard='source.is_json') }} as fields,
        {{ json_field_names('source.line', var('watched_objects').values() | list, guard='source.is_json') }}
            as field_names

    from {{ source('raw', 'session_lines') }} as source
    inner join files
        on source.file_id = files.file_id

),

named as (

    select
        root_session_id,
        file_session_id,
        parent_session_id,
        file_id,
        file_rank,
        line_number,
        is_json,
        line,
        field_names,
        {% for name in paths -%}
            {{ element_at('fields', loop.index) }} as {{ name }}{% if not loop.last %},{% endif %}
        {% endfor %}

    from lines

),

renamed as (

    select
        -- ids
        root_session_id,
        case
            when progress_type = 'agent_progress'
                then root_session_id || '/agent-' || coalesce(nullif(agent_id, ''), 'unknown')
            else file_session_id
        end as session_id,
        file_id,
        file_rank,
        line_number,
        coalesce(nullif(embedded_uuid, ''), nullif(record_uuid, '')) as uuid,
        parent_uuid,
        logical_parent_uuid,
        case
            when coalesce(nullif(embedded_uuid, ''), nullif(record_uuid, '')) is null
                then md5({{ without_token_hashes('line') }})
        end as line_hash,
        recorded_session_id,
        forked_from_session_id,
        coalesce(nullif(embedded_message_id, ''), nullif(message_id, '')) as message_id,
        coalesce(embedded_request_id, request_id) as request_id,
        prompt_id,
        source_tool_use_id,
        parent_tool_use_id,
        leaf_uuid,

        -- kinds
        case
            when progress_type = 'agent_progress' then 'agent_progress'
            when parent_session_id is not null then 'subagent_file'
            else 'assistant'
        end as provenance,
        record_type,
        coalesce(system_subtype, progress_type, attachment_type, queue_operation) as record_subtype,
        case
            when progress_type = 'agent_progress' and embedded_type in ('user', 'assistant') then embedded_type
            when progress_type is null and record_type in ('user', 'assistant') then record_type
        end as message_type,
        coalesce(embedded_role, role) as role,
        coalesce(embedded_model, model) as model,
        coalesce(embedded_stop_reason, stop_reason) as stop_reason,
        prompt_source,
        coalesce(origin_kind, attachment_origin_kind) as origin_kind,
        attachment_mode,
        permission_mode,
        entrypoint,
        agent_version,
        level,
        compact_trigger,
        field_names,

        -- text
        cwd,
        git_branch,
        system_content,
        attachment_prompt,
        coalesce(custom_title, ai_title, summary) as title,
        last_prompt,
        pr_url,
        pr_repository,
        coalesce(bridge_session_id, event_url) as bridge_reference,

        -- numbers
        {{ byte_length('line') }} as line_bytes,
        {{ token_count('coalesce(embedded_input_tokens, input_tokens)') }} as input_tokens,
        {{ token_count('coalesce(embedded_output_tokens, output_tokens)') }} as output_tokens,
        {{ token_count('coalesce(embedded_cache_write_tokens, cache_write_tokens)') }} as cache_write_tokens,
        {{ token_count('coalesce(embedded_cache_read_tokens, cache_read_tokens)') }} as cache_read_tokens,
        {{ token_count('coalesce(embedded_cache_write_5m_tokens, cache_write_5m_tokens)') }} as cache_write_5m_tokens,
        {{ token_count('coalesce(embedded_cache_write_1h_tokens, cache_write_1h_tokens)') }} as cache_write_1h_tokens,
        coalesce(embedded_service_tier, service_tier) as service_tier,
        coalesce(embedded_speed, speed) as speed,
        try_cast(duration_ms as bigint) as duration_ms,
        try_cast(compact_pre_tokens as bigint) as compact_pre_tokens,
        try_cast(pr_number as bigint) as pr_number,

        -- booleans
        is_json,
        not is_json and {{ matches('line', "'^[[:space:]]*$'") }} as is_blank,
        coalesce(try_cast(is_meta as boolean), false) as is_meta,
        coalesce(try_cast(is_sidechain as boolean), false) as is_sidechain,
        coalesce(try_cast(is_compact_summary as boolean), false) as is_compact_summary,
        coalesce(try_cast(is_api_error as boolean), false) as is_api_error,
        has_plan is not null as has_plan,

        -- times
        {{ utc_timestamp('coalesce(embedded_at, recorded_at)') }} as sent_at

    from named

)

select * from renamed
