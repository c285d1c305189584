-- How much was done twice.
with changes as (

    select distinct
        root_session_id,
        root_turn_index,
        file_path
    from tool_calls
    where action_id like 'modify.%' and file_path is not null and has_result and not is_error and root_turn_index > 0

),

changed_again as (

    select
        *,
        row_number() over (partition by root_session_id, file_path order by root_turn_index) > 1 as is_again
    from changes

),

by_turn as (

    select bool_or(is_again) as is_again
    from changed_again
    group by root_session_id, root_turn_index

),

turn_counts as (

    select
        count(*) as changing_turns,
        count(*) filter (where is_again) as again_turns
    from by_turn

),

test_counts as (

    select
        coalesce(sum(test_runs), 0) as test_runs,
        coalesce(sum(failed_test_runs), 0) as failed_test_runs
    from turns

),

line_counts as (

    select
        coalesce(sum(agent_lines), 0) as agent_lines,
        coalesce(sum(changed_lines), 0) as changed_lines
    from agent_line_shares

),

commit_counts as (

    select
        count(*) as commits,
        count(*) filter (where unlinked_reason = 'revert') as reverts
    from commits
    where not is_merge

)

select
    *,
    wilson_low(again_turns, changing_turns) as again_low,
    wilson_high(again_turns, changing_turns) as again_high,
    wilson_low(failed_test_runs, test_runs) as failed_low,
    wilson_high(failed_test_runs, test_runs) as failed_high
from turn_counts, test_counts, line_counts, commit_counts
