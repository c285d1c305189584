{{ config(materialized='incremental') }}

{%- set half = var('observed_error_characters') // 2 %}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where turn_index > 0 and {{ in_changed_sessions() }}

),

calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where is_failure and session_id = root_session_id and {{ in_changed_sessions() }}

),

results as (

    select * from {{ ref('stg_claude_code__tool_results') }}
    where is_error and {{ in_changed_sessions() }}

),

failures as (

    select
        calls.session_id,
        calls.result_record_index as position,
        calls.use_block_index,
        {{ json_object([
            ('tool', json_scalar('calls.tool_name')),
            ('error_kind', json_scalar('calls.error_kind')),
            ('text', json_scalar(
                "case when length(results.result_text) <= " ~ var('observed_error_characters')
                ~ " then results.result_text else left(results.result_text, " ~ half
                ~ ") || ' … ' || right(results.result_text, " ~ half ~ ") end"
            )),
        ]) }} as element

    from calls
    inner join results
        on calls.result_file_id = results.file_id
        and calls.result_line_number = results.line_number
        and calls.result_block_index = results.block_index

),

-- An error is seen until so many others came after it.
spans as (

    select
        *,
        row_number() over (
            partition by session_id
            order by position, use_block_index, element desc
        ) as failure_number,
        lead(position, {{ var('observed_errors') }}) over (
            partition by session_id
            order by position, use_block_index, element desc
        ) as replaced_at_position

    from failures

),

logs as (

    select
        prompts.session_id,
        prompts.turn_index,
        {{ json_array_of('spans.element', 'spans.failure_number') }} as error_logs

    from prompts
    inner join spans
        on prompts.session_id = spans.session_id
        and prompts.record_index > spans.position
        and prompts.record_index <= coalesce(spans.replaced_at_position, prompts.record_index)
    group by prompts.session_id, prompts.turn_index

),

final as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        coalesce(logs.error_logs, '[]') as error_logs

    from prompts
    left join logs
        on prompts.session_id = logs.session_id
        and prompts.turn_index = logs.turn_index

)

select * from final
