"""Bad input is normal: it becomes a row and a count, passes every gate, and changes nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.odd_records import write
from tests.warehouse import Warehouse


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


def test_a_second_build_changes_nothing(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    before = warehouse.contents()
    warehouse.build()
    assert warehouse.contents() == before


def test_a_new_database_says_the_same(odd: tuple[Warehouse, int]) -> None:
    warehouse, _ = odd
    before = warehouse.contents()
    warehouse.database.unlink()
    warehouse.ingest("sync")
    warehouse.build()
    assert warehouse.contents() == before
