"""A database that the first version wrote: dbt asks for its migration, and then builds what it builds of a new one."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import WITHOUT_TESTS, Warehouse
from tools.version_fixture import restore

ONE_MODEL = (*WITHOUT_TESTS, "--select", "stg_registry__projects")


@pytest.mark.long
def test_the_oldest_database_gives_the_marts_of_a_new_one(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    shutil.copy2(restore(1, tmp_path / "old").database, warehouse.database)
    content = warehouse.database.read_bytes()
    before = warehouse.query("select count(*), count(distinct file_id) from raw.session_lines")
    assert before[0][0] > 200

    with pytest.raises(AssertionError, match="an earlier version of the program: run `python -m ingest migrate`"):
        warehouse.build(*ONE_MODEL)
    assert warehouse.database.read_bytes() == content

    warehouse.ingest("sync")
    warehouse.build(*WITHOUT_TESTS)
    assert warehouse.contents() == sample_warehouse.contents()


@pytest.mark.long
def test_dbt_refuses_a_database_of_a_newer_program(tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    warehouse.build(*ONE_MODEL)
    with duckdb.connect(str(warehouse.database)) as connection:
        connection.execute("insert into raw.schema_versions values (99, 'of the future', '9.0.0', now()::timestamp)")
    content = warehouse.database.read_bytes()
    with pytest.raises(AssertionError, match="has version 99, and this program knows versions up to 3: update"):
        warehouse.build(*ONE_MODEL)
    assert warehouse.database.read_bytes() == content
