{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where turn_index > 0 and {{ in_changed_sessions() }}

),

decisions as (

    select * from {{ ref('int_episodes__decisions') }}
    where tool is not null and {{ in_changed_sessions() }}

),

test_runs as (

    select * from {{ ref('int_tool_calls__tests') }}
    where session_id = root_session_id and {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('phase_rules') }}

),

last_tests as (

    select
        prompts.session_id,
        prompts.turn_index,
        max_by(test_runs.status, (test_runs.result_record_index, test_runs.tool_use_id)) as test_status

    from prompts
    inner join test_runs
        on prompts.session_id = test_runs.session_id
        and prompts.record_index > test_runs.result_record_index
    group by prompts.session_id, prompts.turn_index

),

last_work as (

    select
        prompts.session_id,
        prompts.turn_index,
        max_by(decisions.action_id, decisions.turn_index) as action_id

    from prompts
    inner join decisions
        on prompts.session_id = decisions.session_id
        and prompts.turn_index > decisions.turn_index
    group by prompts.session_id, prompts.turn_index

),

states as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        coalesce(last_tests.test_status, 'none') as test_status,
        last_work.action_id

    from prompts
    left join last_tests
        on prompts.session_id = last_tests.session_id
        and prompts.turn_index = last_tests.turn_index
    left join last_work
        on prompts.session_id = last_work.session_id
        and prompts.turn_index = last_work.turn_index

),

final as (

    select
        states.root_session_id,
        states.session_id,
        states.turn_index,
        states.test_status,
        min_by(rules.phase_label, rules.priority) as phase_label

    from states
    inner join rules
        on case rules.requires
            when 'no_work' then states.action_id is null
            when 'test_status' then states.test_status = rules.value
            when 'action'
                then states.action_id = rules.value or {{ begins_with('states.action_id', "rules.value || '.'") }}
            when 'any' then true
        end
    group by states.root_session_id, states.session_id, states.turn_index, states.test_status

)

select * from final
