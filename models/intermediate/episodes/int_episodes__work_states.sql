{{ config(materialized='incremental') }}

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

-- Each stands until the next.
test_spans as (

    select
        *,
        lead(result_record_index) over (
            partition by session_id
            order by result_record_index, tool_use_id
        ) as replaced_at_index

    from test_runs
    where result_record_index is not null

),

work_spans as (

    select
        *,
        lead(turn_index) over (
            partition by session_id
            order by turn_index
        ) as replaced_in_turn_index

    from decisions

),

last_tests as (

    select
        prompts.session_id,
        prompts.turn_index,
        test_spans.status as test_status

    from prompts
    inner join test_spans
        on prompts.session_id = test_spans.session_id
        and prompts.record_index > test_spans.result_record_index
        and prompts.record_index <= coalesce(test_spans.replaced_at_index, prompts.record_index)

),

last_work as (

    select
        prompts.session_id,
        prompts.turn_index,
        work_spans.action_id

    from prompts
    inner join work_spans
        on prompts.session_id = work_spans.session_id
        and prompts.turn_index > work_spans.turn_index
        and prompts.turn_index <= coalesce(work_spans.replaced_in_turn_index, prompts.turn_index)

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
