"""What one build leaves for the next: vanished projects, a deleted database, no data (nights: tests/property)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.warehouse import Warehouse

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_a_vanished_project_leaves_every_mart(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    warehouse.ingest("remove-project", "tidebook", "--yes")
    warehouse.build()
    tables = ("sessions", "turns", "messages", "tool_calls", "token_usage", "file_touches", "episodes", "commits")
    tables += ("commit_files", "audit.ledger")
    counts = warehouse.query(f"select {' + '.join(f'(select count(*) from {table})' for table in tables)}")
    assert counts == [(0,)]


@pytest.mark.long
def test_a_rebuilt_database_has_the_same_marts(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    warehouse.database.unlink()
    warehouse.ingest("sync")
    warehouse.build()
    assert warehouse.contents() == sample_warehouse.contents()


def test_an_empty_warehouse_builds(tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    warehouse.build()
    assert warehouse.query("select count(*) from sessions") == [(0,)]
