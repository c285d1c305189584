"""Kinds of action on the real corpus: how many calls get one, and how many only `run`."""

from __future__ import annotations

from tests.warehouse import Warehouse


def test_nearly_every_call_has_an_action(whole_warehouse: Warehouse) -> None:
    [(calls, known, run)] = whole_warehouse.query(
        "select count(*), avg((action_id != 'other')::int), avg((action_id = 'run')::int) "
        "from intermediate.int_tool_calls__actions"
    )
    assert calls == whole_warehouse.query("select count(*) from staging.stg_claude_code__tool_uses")[0][0]
    assert known >= 0.97
    assert run <= 0.02


def test_the_outcome_of_most_test_runs_is_known(whole_warehouse: Warehouse) -> None:
    [(runs, known)] = whole_warehouse.query(
        "select count(*), avg((status != 'unknown')::int) from intermediate.int_tool_calls__tests"
    )
    assert runs > 1_500
    assert known >= 0.9


def test_tests_are_counted_where_they_ran(whole_warehouse: Warehouse) -> None:
    """A commit message that speaks of tests is no test run; `go test` behind `cd` and before `tail` is one."""
    run = "select bool_or(has_test_run), bool_and(has_test_run), count(*) from intermediate.int_tool_calls__actions"
    joined = f"{run} inner join staging.stg_claude_code__tool_uses using (file_id, line_number, block_index)"
    [(some, _, commits)] = whole_warehouse.query(
        f"{joined} where command like 'git commit%' and command not like '%go test%' and command not like '%mise run%'"
    )
    assert commits > 30
    assert not some
    [(_, every, tests)] = whole_warehouse.query(
        f"{joined} where command like 'go test ./%' and command not like '% -list%' and command not like '% -c%'"
    )
    assert tests > 100
    assert every
