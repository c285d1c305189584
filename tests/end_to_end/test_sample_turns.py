"""Turns and episodes of the sample are the story's: written down by hand in tests/ingest/sample_expected.json."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse

EXPECTED: dict[str, Any] = json.loads((PRODUCT_ROOT / "tests/ingest/sample_expected.json").read_text(encoding="utf-8"))
NAMES = {session_id: name for name, session_id in EXPECTED["sessions"]["ids"].items()}
TURNS = [dict(zip(EXPECTED["turns"]["columns"], row, strict=True)) for row in EXPECTED["turns"]["rows"]]


def by_turn(warehouse: Warehouse, columns: str, table: str, condition: str = "true") -> dict[tuple[str, int], Any]:
    """`columns` of a table by (session, turn); one value where one column is asked for."""
    rows = warehouse.query(f"select session_id, turn_index, {columns} from {table} where {condition}")
    return {
        (NAMES[session_id], turn): values[0] if len(values) == 1 else tuple(values)
        for session_id, turn, *values in rows
    }


def expected(column: str) -> dict[tuple[str, int], Any]:
    return {(turn["session"], turn["turn"]): turn[column] for turn in TURNS}


def test_every_prompt_begins_a_turn(sample_warehouse: Warehouse) -> None:
    assert by_turn(sample_warehouse, "kind", "turns", "turn_index > 0") == expected("kind")


def test_how_turns_end(sample_warehouse: Warehouse) -> None:
    assert by_turn(sample_warehouse, "end_kind", "turns", "turn_index > 0") == expected("ended")


def test_calls_belong_to_the_turn_that_made_them(sample_warehouse: Warehouse) -> None:
    counted = Counter(
        {
            (NAMES[root], turn): calls
            for root, turn, calls in sample_warehouse.query(
                "select root_session_id, root_turn_index, count(*) from tool_calls "
                "where session_id = root_session_id group by all"
            )
        }
    )
    calls = expected("calls")
    assert +counted == Counter({key: number for key, number in calls.items() if number})
    assert sum(calls.values()) == sum(tool["calls"] for tool in EXPECTED["tool_calls"]["transcripts"].values())


def test_calls_of_subagents_belong_to_the_turn_that_started_them(sample_warehouse: Warehouse) -> None:
    rows = sample_warehouse.query(
        "select root_session_id, root_turn_index, count(*) from tool_calls "
        "where session_id != root_session_id group by all"
    )
    found = {(NAMES[root], turn): calls for root, turn, calls in rows}
    assert found == {key: number for key, number in expected("subagent_calls").items() if number}


def test_what_stands_before_the_first_prompt_is_turn_0(sample_warehouse: Warehouse) -> None:
    rows = sample_warehouse.query(
        "select root_session_id, count(*) from messages where root_turn_index = 0 and session_id = root_session_id "
        "group by all"
    )
    # the three records of /model
    assert {NAMES[root]: messages for root, messages in rows} == {"order": 3}


def test_there_is_an_episode_for_every_turn(sample_warehouse: Warehouse) -> None:
    assert by_turn(sample_warehouse, "turn_index", "episodes").keys() == expected("kind").keys()


def test_the_test_status_is_that_at_the_prompt(sample_warehouse: Warehouse) -> None:
    assert by_turn(sample_warehouse, "test_status", "episodes") == expected("test_status")


def test_plain_reactions_are_those_of_a_reader(sample_warehouse: Warehouse) -> None:
    found = by_turn(sample_warehouse, "reaction_type", "episodes")
    plain = {(name, turn) for name, turns in EXPECTED["turns"]["plain_reactions"].items() for turn in turns}
    assert {key: found[key] for key in plain} == {key: expected("reaction")[key] for key in plain}


def test_reactions_are_not_misread(sample_warehouse: Warehouse) -> None:
    found = by_turn(sample_warehouse, "reaction_type", "episodes")
    for turn, reactions in EXPECTED["turns"]["never"].items():
        name, index = turn.split()
        assert found[name, int(index)] not in reactions, turn
