{{ config(materialized='incremental') }}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where {{ in_changed_sessions() }}

),

actions as (

    select * from {{ ref('int_tool_calls__actions') }}
    where {{ in_changed_sessions() }}

),

test_runs as (

    select * from {{ ref('int_tool_calls__tests') }}
    where {{ in_changed_sessions() }}

),

calls_of_turns as (

    select
        calls.root_session_id,
        calls.root_turn_index,
        actions.has_test_run,
        {{ split_text('actions.action_ids', ',') }} as call_actions

    from calls
    inner join actions
        on calls.use_file_id = actions.file_id
        and calls.use_line_number = actions.line_number
        and calls.use_block_index = actions.block_index

),

turn_actions as (

    select
        root_session_id,
        root_turn_index,
        element as action_id,
        bool_or(has_test_run) as has_test_run

    from {{ explode('calls_of_turns', 'call_actions') }}
    group by root_session_id, root_turn_index, element

),

test_counts as (

    select
        root_session_id,
        root_turn_index,
        count(*) as test_runs,
        count(*) filter (where status = 'failed') as failed_test_runs

    from test_runs
    group by root_session_id, root_turn_index

),

final as (

    select
        turn_actions.root_session_id,
        turn_actions.root_turn_index,
        {{ ordered_text('turn_actions.action_id', "','", 'turn_actions.action_id') }} as action_ids,
        bool_or(turn_actions.has_test_run) as has_test_run,
        coalesce(max(test_counts.test_runs), 0) as test_runs,
        coalesce(max(test_counts.failed_test_runs), 0) as failed_test_runs

    from turn_actions
    left join test_counts
        on turn_actions.root_session_id = test_counts.root_session_id
        and turn_actions.root_turn_index = test_counts.root_turn_index
    group by turn_actions.root_session_id, turn_actions.root_turn_index

)

select * from final
