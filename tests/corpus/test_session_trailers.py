"""Session ids in the commit messages of a real history: every one is read, and no word about them is taken for one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.warehouse import WITHOUT_TESTS, Warehouse


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The history of project `ope`, landed and built as far as its session ids."""
    configured = os.environ.get("OPE_CORPUS_DIR", "")
    history = Path(configured) / "ope/git-metadata.json"
    if not configured or not history.is_file():
        pytest.skip("OPE_CORPUS_DIR names no directory with ope/git-metadata.json")
    warehouse = Warehouse.make(tmp_path_factory.mktemp("trailers"))
    warehouse.ingest("add-project", "--name", "ope", "--id", "ope", "--git-metadata", str(history))
    warehouse.ingest("sync")
    warehouse.build(*WITHOUT_TESTS, "--select", "+int_commits__session_trailers", "+stg_registry__projects")
    return warehouse


def test_every_id_is_read(warehouse: Warehouse) -> None:
    found = warehouse.query(
        "select id_kind, count(distinct written_id), count(*) from intermediate.int_commits__session_trailers "
        "group by id_kind"
    )
    assert {kind: ids for kind, ids, _ in found} == {"uuid": 53, "agent": 13}
    # 480 messages name the key; three of them only speak of it
    assert sum(rows for _, _, rows in found) == 477
    assert warehouse.query(
        "select count(*) from staging.stg_git__commits where contains(lower(message), 'x-claude-session')"
    ) == [(480,)]
    assert warehouse.query("select distinct trailer_key from intermediate.int_commits__session_trailers") == [
        ("X-Claude-Session",)
    ]


def test_the_history_is_of_tier_1(warehouse: Warehouse) -> None:
    assert warehouse.query("select instrumentation_tier from staging.stg_registry__projects") == [(1,)]


def test_no_session_is_known_so_none_is_named(warehouse: Warehouse) -> None:
    assert warehouse.query("select count(root_session_id) from intermediate.int_commits__session_trailers") == [(0,)]
