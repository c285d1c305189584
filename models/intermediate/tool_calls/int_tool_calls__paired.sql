{{ config(materialized='incremental') }}

with counted as (

    select * from {{ ref('int_records__counted') }}
    where {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

uses as (

    select * from {{ ref('stg_claude_code__tool_uses') }}
    where {{ in_changed_sessions() }}

),

results as (

    select * from {{ ref('stg_claude_code__tool_results') }}
    where {{ in_changed_sessions() }}

),

outcomes as (

    select * from {{ ref('stg_claude_code__tool_outcomes') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('tool_error_rules') }}

),

counted_uses as (

    select
        uses.*,
        counted.message_id,
        counted.provenance,
        counted.record_index,
        counted.sent_at,
        row_number() over (
            partition by uses.root_session_id, uses.tool_use_id
            order by
                case counted.provenance when 'agent_progress' then 2 else 1 end,
                counted.record_index,
                uses.block_index
        ) as use_rank

    from uses
    inner join counted
        on uses.file_id = counted.file_id
        and uses.line_number = counted.line_number

),

counted_results as (

    select
        results.*,
        counted.record_index,
        counted.sent_at,
        row_number() over (
            partition by results.root_session_id, results.tool_use_id
            order by
                case counted.provenance when 'agent_progress' then 2 else 1 end,
                counted.record_index,
                results.block_index
        ) as result_rank

    from results
    inner join counted
        on results.file_id = counted.file_id
        and results.line_number = counted.line_number

),

failed as (

    select
        counted_results.root_session_id,
        counted_results.tool_use_id,
        min_by(rules.error_kind, rules.priority) as error_kind,
        min_by(rules.is_failure, rules.priority) as is_failure

    from counted_results
    inner join rules
        on rules.pattern is null
        or {{ matches('counted_results.result_text', 'rules.pattern') }}
    where counted_results.is_error and counted_results.result_rank = 1
    group by counted_results.root_session_id, counted_results.tool_use_id

),

final as (

    select
        -- ids
        counted_uses.tool_use_id,
        counted_uses.session_id,
        counted_uses.root_session_id,
        counted_uses.message_id,
        counted_uses.file_id as use_file_id,
        counted_results.file_id as result_file_id,
        outcomes.agent_id as spawned_agent_id,
        outcomes.git_commit_sha as announced_commit_sha,

        -- text
        counted_uses.provenance,
        counted_uses.tool_name,
        coalesce(
            counted_uses.file_path, counted_uses.command, counted_uses.url, counted_uses.query, counted_uses.pattern,
            counted_uses.search_path, counted_uses.skill, counted_uses.subject, counted_uses.description
        ) as target,
        counted_uses.file_path,
        counted_uses.search_path,
        counted_uses.command,
        failed.error_kind,
        outcomes.content_hash,

        -- numbers
        line_turns.root_turn_index,
        counted_uses.record_index,
        counted_uses.line_number as use_line_number,
        counted_uses.block_index as use_block_index,
        counted_results.record_index as result_record_index,
        counted_results.line_number as result_line_number,
        counted_results.block_index as result_block_index,
        {{ ms_between('counted_uses.sent_at', 'counted_results.sent_at') }} as duration_ms,

        -- booleans
        counted_results.tool_use_id is not null as has_result,
        coalesce(counted_results.is_error, false) as is_error,
        coalesce(failed.is_failure, false) as is_failure,
        coalesce(failed.error_kind = 'user_reject', false) as is_rejected,
        coalesce(outcomes.is_interrupted, false) as is_interrupted,

        -- times
        counted_uses.sent_at,
        counted_results.sent_at as answered_at

    from counted_uses
    inner join line_turns
        on counted_uses.file_id = line_turns.file_id
        and counted_uses.line_number = line_turns.line_number
    left join counted_results
        on counted_uses.root_session_id = counted_results.root_session_id
        and counted_uses.tool_use_id = counted_results.tool_use_id
        and counted_results.result_rank = 1
    left join outcomes
        on counted_results.file_id = outcomes.file_id
        and counted_results.line_number = outcomes.line_number
    left join failed
        on counted_uses.root_session_id = failed.root_session_id
        and counted_uses.tool_use_id = failed.tool_use_id
    where counted_uses.use_rank = 1

)

select * from final
