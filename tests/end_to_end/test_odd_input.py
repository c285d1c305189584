"""Bad input is normal: it becomes a row and a count, passes every gate, and changes nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ingest.paths import PRODUCT_ROOT
from tests.end_to_end.odd_files import write
from tests.end_to_end.odd_turns import INPUTS as ODD_INPUTS
from tests.warehouse import WITHOUT_TESTS, Warehouse

pytestmark = pytest.mark.slow

SCHEMA = json.loads((PRODUCT_ROOT / "docs/episode.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, int]:
    """(A warehouse of odd sessions, built with its data tests; lines that were written)."""
    directory: Path = tmp_path_factory.mktemp("odd")
    warehouse = Warehouse.make(directory)
    lines = write(directory / "projects/-home-sam-code-odd")
    warehouse.ingest("add-project", "--name", "Odd", "--sessions", str(directory / "projects"))
    warehouse.ingest("sync")
    warehouse.build()
    return warehouse, lines


def test_every_line_is_there(odd: tuple[Warehouse, int]) -> None:
    warehouse, lines = odd
    assert warehouse.query("select count(*) from raw.session_lines") == [(lines,)]


def test_records_without_a_usable_id_stay_apart(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    texts = warehouse.query(
        "select text from messages where session_id = 'ids' and role = 'user' order by record_index"
    )
    assert texts == [("0",), ("1",), ("2",), ("3",), ("4",), ("none",)]
    assert warehouse.query("select count(*) from messages where session_id = 'one-uuid'") == [(2,)]


def test_a_response_split_over_two_sessions_loses_nothing(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    uuids = "select uuid from intermediate.int_records__counted where message_id = 'split' order by uuid"
    assert warehouse.query(uuids) == [("u1",), ("u2",), ("u3",)]
    assert warehouse.query("select session_id from tool_calls where tool_use_id = 'of-b'") == [("split-b",)]


def test_impossible_counts_are_unknown_and_not_summed(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    assert warehouse.query("select max(input_tokens), min(input_tokens) from token_usage") == [(12, 0)]


def parsed(document: str) -> Any:
    """A JSON document as the standard has it: no NaN, no Infinity."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(document, parse_constant=refuse)


def test_every_episode_of_odd_input_is_what_the_schema_says(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    names = ("observation", "claude_action", "user_reaction")
    rows = warehouse.query(f"select episode_id, {', '.join(names)} from episodes")
    validator = Draft202012Validator(SCHEMA)
    for episode_id, *documents in rows:
        episode = dict(zip(names, map(parsed, documents), strict=True))
        assert [error.message for error in validator.iter_errors(episode)] == [], episode_id
    assert len(rows) == warehouse.query("select count(*) from turns where turn_index > 0")[0][0] > 100


def test_every_step_of_odd_input_is_what_the_schema_says(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    validator = Draft202012Validator({"$ref": "#/$defs/action", "$defs": SCHEMA["$defs"]})
    rows = warehouse.query("select episode_id, action_index, claude_action from episode_actions")
    for episode_id, action_index, document in rows:
        errors = [error.message for error in validator.iter_errors(parsed(document))]
        assert errors == [], (episode_id, action_index)
    assert len(rows) > 100


def test_an_input_stays_what_the_log_says(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    rows = warehouse.query(
        "select claude_action from episodes where session_id = 'episodes-inputs' order by turn_index"
    )
    assert [parsed(document)["parameters"] for (document,) in rows] == [*ODD_INPUTS, None]


def test_subagents_belong_to_the_turn_of_the_first_call(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    rows = warehouse.query(
        "select distinct session_id, root_turn_index from messages where session_id like 'turns-spawn/agent-_%'"
    )
    agents = {session.removeprefix("turns-spawn/agent-"): turn for session, turn in rows}
    assert len(rows) == len(agents)
    # each by its call, the last by where its echo stands
    expected = {"a1": 1, "b1": 2, "b2": 2, "b3": 2, "b4": 2, "old": 3}
    assert {name: agents[name] for name in expected} == expected


def test_an_answer_after_the_next_prompt_is_not_seen_before(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    rows = warehouse.query(
        "select observation from episodes where session_id = 'turns-late-answers' order by turn_index"
    )
    first, unknowing, knowing = (parsed(document) for (document,) in rows)
    for observation in (first, unknowing):
        assert (observation["test_status"], observation["error_logs"], observation["file_state"]) == ("none", [], [])
    assert [error["text"] for error in knowing["error_logs"]] == ["SLOW-ANSWER 1 failed"]
    assert (knowing["test_status"], len(knowing["file_state"])) == ("failed", 1)


@pytest.mark.long
def test_a_second_build_changes_nothing(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    before = warehouse.contents()
    warehouse.build(*WITHOUT_TESTS)
    assert warehouse.contents() == before


@pytest.mark.long
def test_a_new_database_says_the_same(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    before = warehouse.contents()
    warehouse.database.unlink()
    warehouse.ingest("sync")
    warehouse.build()
    assert warehouse.contents() == before
