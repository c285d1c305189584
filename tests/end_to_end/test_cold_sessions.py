"""Sessions that went to cold storage leave every mart; their rows stay queryable, and they come back as they were."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from ingest.cold.archiving import archive_sessions
from ingest.cold.restoring import cold_sessions, restore_sessions
from ingest.cold.selection import select_named
from ingest.cold.snapshot_check import verify_snapshot
from ingest.cold.snapshots import make_snapshot
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.publishing.publish import publish
from ingest.registry import load_projects
from ingest.sync import sync
from tests.warehouse import WITHOUT_TESTS, Warehouse

pytestmark = pytest.mark.long

SUMS = {
    "sessions": "count(*), sum(turns), sum(tool_calls), sum(total_tokens), sum(cost_usd)",
    "turns": "count(*)",
    "messages": "count(*)",
    "tool_calls": "count(*), count(*) filter (where is_error)",
    "token_usage": "count(*), sum(total_tokens), sum(cost_usd)",
    "file_touches": "count(*)",
    "episodes": "count(*)",
    "episode_actions": "count(*)",
}


def sums(connection: duckdb.DuckDBPyConnection, prefix: str) -> dict[str, tuple[object, ...]]:
    return {mart: connection.execute(f"select {what} from {prefix}{mart}").fetchall()[0] for mart, what in SUMS.items()}


@pytest.fixture(scope="module")
def cold_warehouse(sample_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, set[str]]:
    """The sample with the older half of its sessions in cold storage, and which these are."""
    warehouse = Warehouse.make(tmp_path_factory.mktemp("cold"))
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    [(middle,)] = warehouse.query("select quantile_disc(ended_at, 0.5) from sessions where not is_subagent")
    data = DataDir(warehouse.data)
    chosen = select_named(data, load_projects(data), [], middle).chosen
    archive_sessions(data, chosen)
    sync(data)
    warehouse.build(*WITHOUT_TESTS)
    return warehouse, {session.root_session_id for session in chosen}


def test_cold_sessions_leave_every_mart(cold_warehouse: tuple[Warehouse, set[str]]) -> None:
    warehouse, roots = cold_warehouse
    everything = {row[0] for row in warehouse.query("select root_session_id from sessions")}
    assert roots and everything and not roots & everything
    columns = warehouse.query(
        "select schema_name || '.' || table_name, column_name from duckdb_columns() "
        "where schema_name in ('main', 'intermediate', 'staging', 'audit') and data_type = 'VARCHAR' "
        "and (column_name like '%session_id' or column_name = 'unit_id')"
    )
    assert ("audit.ledger", "unit_id") in columns and len(columns) > 60
    # what a person wrote down and what another record says of a session is no row of it
    said = ("recorded_session_id", "forked_from_session_id", "trailer_session_id")
    labels = ("staging.stg_validation__", "intermediate.int_correlations__label")
    gone = ", ".join(map(repr, sorted(roots)))
    found = [
        (table, column)
        for table, column in columns
        if column not in said
        and not table.startswith(labels)
        and warehouse.query(f"select 1 from {table} where split_part({column}, '/', 1) in ({gone}) limit 1")
    ]
    assert found == []


def test_with_cold_storage_the_marts_are_whole(
    cold_warehouse: tuple[Warehouse, set[str]], sample_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, roots = cold_warehouse
    with duckdb.connect(str(sample_warehouse.database), read_only=True) as connection:
        before = sums(connection, "main.")
    monkeypatch.chdir(warehouse.data)
    with duckdb.connect("ope.db", read_only=True) as connection:
        connection.execute(Path("archived/marts.sql").read_text(encoding="utf-8"))
        assert sums(connection, "all_") == before
        assert sums(connection, "main.") != before
        # the links that they had are in cold storage too
        rows = connection.execute("select distinct session_id from all_correlations where is_cold").fetchall()
    assert {row[0].split("/")[0] for row in rows} <= roots and rows


def test_the_queries_of_the_page_run(
    cold_warehouse: tuple[Warehouse, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, roots = cold_warehouse
    page = (PRODUCT_ROOT / "docs/retention.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", page, flags=re.DOTALL)
    [shell_query] = re.findall(r'-c "(.*?)"', page)
    monkeypatch.chdir(warehouse.data)
    root = min(roots)
    with duckdb.connect("ope.db", read_only=True) as connection:
        connection.execute(Path("archived/marts.sql").read_text(encoding="utf-8"))
        assert {row[0] for row in connection.execute(shell_query).fetchall()} == {True, False}
        union, lines = queries
        wanted = connection.execute("select count(*) from all_sessions").fetchall()
        assert [(len(connection.execute(union.strip().rstrip(";")).fetchall()),)] == wanted
        found = connection.execute(lines.replace("'…'", f"'{root}'")).fetchall()
    assert found and all(number > 0 and line.endswith("\n") for _, number, line in found)


def test_a_snapshot_holds_what_is_published(cold_warehouse: tuple[Warehouse, set[str]], tmp_path: Path) -> None:
    shutil.copytree(cold_warehouse[0].data, tmp_path / "data")
    data = DataDir(tmp_path / "data")
    published = publish(data)
    made = make_snapshot(data, "v1.0")
    assert (len(made.files), made.rows) == (published.tables, published.rows) and made.is_last_build
    assert all(file.description and all(column["description"] for column in file.columns) for file in made.files)
    assert {file.table for file in made.files} >= SUMS.keys()
    assert verify_snapshot(data, "v1.0").problems == ()
    hashes = {file.path: file.sha256 for file in made.files}
    publish(data)
    assert {file.path: file.sha256 for file in make_snapshot(data, "v1.1").files} | {
        "marts/update_log.parquet": hashes["marts/update_log.parquet"]
    } == hashes


@pytest.mark.parametrize("build", [False, True])
def test_restored_sessions_are_as_they_were(
    cold_warehouse: tuple[Warehouse, set[str]], sample_warehouse: Warehouse, tmp_path: Path, build: bool
) -> None:
    """What marts are made of is the same; with `--long` the marts themselves are built and compared."""
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(cold_warehouse[0].data, warehouse.data, dirs_exist_ok=True)
    data = DataDir(warehouse.data)
    restore_sessions(data, cold_sessions(data))
    sync(data)
    for table, columns in (
        ("session_files", "* exclude (run_id, loaded_at)"),
        ("session_lines", "* exclude (run_id, loaded_at)"),
        ("redactions", "* exclude (run_id, loaded_at)"),
        ("parse_errors", "* exclude (run_id, loaded_at)"),
    ):
        question = f"select {columns} from raw.{table} order by all"
        assert warehouse.query(question) == sample_warehouse.query(question), table
    if build:
        warehouse.build(*WITHOUT_TESTS)
        assert warehouse.contents() == sample_warehouse.contents()
