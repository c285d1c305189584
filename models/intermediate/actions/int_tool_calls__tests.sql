{{ config(materialized='incremental') }}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where has_result and {{ in_changed_sessions() }}

),

actions as (

    select * from {{ ref('int_tool_calls__actions') }}
    where has_test_run and {{ in_changed_sessions() }}

),

commands as (

    select * from {{ ref('int_tool_calls__commands') }}
    where {{ in_changed_sessions() }}

),

results as (

    select * from {{ ref('stg_claude_code__tool_results') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('test_result_rules') }}

),

-- the exit code is that of the tests where nothing comes behind them but what runs only when they pass
test_commands as (

    select
        actions.file_id,
        actions.line_number,
        actions.block_index,
        coalesce(
            bool_or(commands.joined_by = '&') filter (where commands.command_index = actions.test_command_index), false
        ) as is_behind_others,
        count(*) filter (where commands.command_index > actions.test_command_index) = 0 as is_last,
        count(*) filter (
            where commands.command_index > actions.test_command_index and commands.joined_by != '&'
        ) = 0 as decides_success

    from actions
    inner join commands
        on actions.file_id = commands.file_id
        and actions.line_number = commands.line_number
        and actions.block_index = commands.block_index
    where actions.test_command_index is not null
    group by actions.file_id, actions.line_number, actions.block_index

),

test_calls as (

    select
        calls.root_session_id,
        calls.session_id,
        calls.tool_use_id,
        calls.root_turn_index,
        calls.record_index,
        calls.result_record_index,
        calls.is_error,
        calls.is_interrupted or coalesce(calls.error_kind in ({{ word_literals('unfinished_error_kinds') }}), false)
            as is_unfinished,
        coalesce(test_commands.is_behind_others, false) as is_behind_others,
        coalesce(test_commands.is_last, false) as is_last,
        coalesce(test_commands.decides_success, false) as decides_success,
        case
            when
                length(results.result_text)
                > {{ var('test_result_head_characters') }} + {{ var('test_result_tail_characters') }}
                then
                    left(results.result_text, {{ var('test_result_head_characters') }}) || chr(10)
                    || right(results.result_text, {{ var('test_result_tail_characters') }})
            else results.result_text
        end as result_text

    from calls
    inner join actions
        on calls.use_file_id = actions.file_id
        and calls.use_line_number = actions.line_number
        and calls.use_block_index = actions.block_index
    inner join results
        on calls.result_file_id = results.file_id
        and calls.result_line_number = results.line_number
        and calls.result_block_index = results.block_index
    left join test_commands
        on calls.use_file_id = test_commands.file_id
        and calls.use_line_number = test_commands.line_number
        and calls.use_block_index = test_commands.block_index

),

answers as (

    select
        root_session_id,
        tool_use_id,
        -- without the colours of a terminal
        {{ replaced('result_text', "'\\x1b\\[[0-9;]*m'", "''") }} as result_text

    from test_calls

),

-- `case` keeps the expressions, which are compiled per row, to the answers that hold the rule's keyword
matched as (

    select
        answers.root_session_id,
        answers.tool_use_id,
        min_by(rules.status, rules.priority) as status,
        min_by(rules.framework, rules.priority) as framework

    from answers
    inner join rules
        on case
            when contains(answers.result_text, rules.keyword)
                then {{ matches('answers.result_text', 'rules.pattern') }}
            else false
        end
    group by answers.root_session_id, answers.tool_use_id

),

final as (

    select
        -- ids
        test_calls.root_session_id,
        test_calls.session_id,
        test_calls.tool_use_id,

        -- text
        case
            when test_calls.is_unfinished or matched.status = 'unknown' then 'unknown'
            when test_calls.is_last and test_calls.is_error and not test_calls.is_behind_others then 'failed'
            when test_calls.decides_success and not test_calls.is_error then 'passed'
            else coalesce(matched.status, 'unknown')
        end as status,
        matched.framework,

        -- numbers
        test_calls.root_turn_index,
        test_calls.record_index,
        test_calls.result_record_index

    from test_calls
    left join matched
        on test_calls.root_session_id = matched.root_session_id
        and test_calls.tool_use_id = matched.tool_use_id

)

select * from final
