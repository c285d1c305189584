{{ config(materialized='incremental') }}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where not is_error and not is_rejected and {{ in_changed_sessions() }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

shell_changes as (

    select * from {{ ref('int_tool_calls__shell_changes') }}
    where {{ in_changed_sessions() }}

),

touch_rules as (

    select * from {{ ref('file_touch_rules') }}
    where touch_kind in ('edited', 'written')

),

changes as (

    select
        calls.use_file_id as file_id,
        calls.use_line_number as line_number,
        calls.use_block_index as block_index,
        1 as command_index,
        {{ absolute_path('calls.file_path', 'records.cwd') }} as changed_path,
        null as old_path,
        touch_rules.touch_kind as change_kind,
        case
            when calls.tool_name like 'Notebook%' then 'notebook'
            when touch_rules.touch_kind = 'written' then 'write'
            else 'edit'
        end as change_method

    from calls
    inner join touch_rules
        on calls.tool_name = touch_rules.tool_name
    inner join records
        on calls.use_file_id = records.file_id
        and calls.use_line_number = records.line_number

    union all

    select
        file_id,
        line_number,
        block_index,
        command_index,
        changed_path,
        old_path,
        change_kind,
        change_method

    from shell_changes

),

-- of several commands of one call, the last one says what became of the file
ranked as (

    select
        *,
        row_number() over (
            partition by file_id, line_number, block_index, changed_path
            order by command_index desc, change_kind, old_path nulls last, change_method
        ) as change_rank

    from changes
    where changed_path is not null

),

final as (

    select
        -- ids
        calls.root_session_id,
        calls.session_id,
        calls.tool_use_id,
        ranked.file_id,
        ranked.line_number,
        ranked.block_index,

        -- text
        ranked.changed_path,
        ranked.old_path,
        ranked.change_kind,
        ranked.change_method,

        -- numbers
        calls.record_index,

        -- booleans
        calls.has_result,

        -- times
        calls.sent_at

    from ranked
    inner join calls
        on ranked.file_id = calls.use_file_id
        and ranked.line_number = calls.use_line_number
        and ranked.block_index = calls.use_block_index
    where ranked.change_rank = 1

)

select * from final
