"""A database of every earlier version becomes one of this version, and no row is lost on the way."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingest import __version__, registry
from ingest.database import attach_warehouse, connect, opened_read_only
from ingest.errors import IngestError
from ingest.landing import land
from ingest.manifest import Manifest, read_manifest
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.registry import load_projects, put
from ingest.status import read_status
from ingest.versions.database import (
    TABLE,
    Step,
    bring_up_to_date,
    current_version,
    found_version,
    ope_version,
    read_steps,
)
from ingest.versions.documents import upgraded
from ingest.versions.migration import migrate
from tests.ingest.landing_place import archive, project
from tools.version_fixture import FIXTURES, restore

pytestmark = pytest.mark.slow

VERSIONS = sorted(int(path.name.partition(".")[0]) for path in FIXTURES.glob("*.tar.xz"))

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


def structure(data: DataDir) -> set[tuple[Any, ...]]:
    with duckdb.connect(str(data.database), read_only=True) as connection:
        return set(
            connection.execute(
                "select table_name, column_name, ordinal_position, data_type, is_nullable "
                "from information_schema.columns where table_schema = 'raw'"
            ).fetchall()
        )


def rows(data: DataDir, columns: dict[str, list[str]] | None = None) -> tuple[Rows, dict[str, list[str]]]:
    """The rows of every raw table in the given columns (all, where none are given), and the columns."""
    with duckdb.connect(str(data.database), read_only=True) as connection:
        if columns is None:
            found = connection.execute(
                "select table_name, list(column_name order by ordinal_position) from information_schema.columns "
                "where table_schema = 'raw' and table_name <> 'schema_versions' group by 1"
            ).fetchall()
            columns = dict(found)
        return {
            table: connection.execute(f"select {', '.join(names)} from raw.{table} order by all").fetchall()
            for table, names in columns.items()
        }, columns


def test_there_is_a_file_of_every_version() -> None:
    assert list(range(1, current_version() + 1)) == VERSIONS
    assert [step.version for step in read_steps()] == VERSIONS[1:]


def test_the_version_of_the_program_stands_where_it_is_needed() -> None:
    stated = re.search(r'(?m)^version = "(.+)"$', (PRODUCT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    dbt_project = yaml.safe_load((PRODUCT_ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert {ope_version(), stated and stated[1], dbt_project["version"]} == {__version__}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_each_version_keeps_its_rows_and_gets_the_shape_of_a_new_one(data: DataDir, version: int) -> None:
    restore(version, data.root)
    before, columns = rows(data)
    assert len(before["session_lines"]) > 200 and before["ingest_runs"] and before["commits"]

    planned = migrate(data, dry_run=True)
    assert (planned.version, [step.version for step in planned.steps]) == (version, list(range(version + 1, 4)))
    assert rows(data) == (before, columns)
    assert [step.version for step in migrate(data).steps] == [step.version for step in planned.steps]

    assert rows(data, columns)[0] == before
    fresh = DataDir(data.root / "fresh")
    connect(fresh).close()
    assert structure(data) == structure(fresh)
    with opened_read_only(data.database) as connection:
        assert found_version(connection) == current_version()
    assert migrate(data).steps == []

    landed = land(data, load_projects(data), "another-run")
    # all that is new is a token in a result of a tool on disk, which those versions did not look into
    assert (landed.files, landed.lines, landed.redactions) == (0, 0, 1)
    again = rows(data, columns)[0]
    for table in ("session_lines", "session_files", "projects"):
        assert again[table] == before[table], table
    assert set(before["redactions"]) < set(again["redactions"])
    [token] = set(again["redactions"]) - set(before["redactions"])
    assert "/tool-results/" in token[columns["redactions"].index("path")]
    assert land(data, load_projects(data), "a-third-run").redactions == 0


def test_an_opened_file_is_migrated_and_the_run_log_says_so(data: DataDir) -> None:
    restore(1, data.root)
    with connect(data) as connection:
        connection.execute(f"select version, name, ope_version from {TABLE} order by 1")
        assert connection.fetchall() == [
            (1, "found", __version__),
            (2, "labels have a set", __version__),
            (3, "reflog and units", __version__),
        ]
    [record] = [json.loads(line) for path in data.runs.glob("*.jsonl") for line in path.open() if '"migrate"' in line]
    assert record["counts"] == {"from_version": 1, "to_version": 3, "steps": 2}


def test_a_new_file_has_this_version_and_one_that_was_cut_short_is_not_old(data: DataDir) -> None:
    data.root.mkdir()
    with duckdb.connect(str(data.database)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            f"create table {TABLE} (version integer, name varchar, ope_version varchar, applied_at timestamp)"
        )
    with connect(data) as connection:
        assert connection.execute(f"select version, name from {TABLE}").fetchall() == [(current_version(), "created")]


def test_a_file_that_a_later_program_opened_is_brought_to_the_same_shape(data: DataDir) -> None:
    """Before versions were written down, columns were added where they were missing, without their constraints."""
    restore(1, data.root)
    with duckdb.connect(str(data.database)) as connection:
        connection.execute("alter table raw.labels add column label_set varchar")
        connection.execute("alter table raw.labels add column is_sure boolean")
        connection.execute("alter table raw.labels alter column label drop not null")
        connection.execute("create table raw.reflog as select 1 as nothing where false")
        connection.execute(
            "insert into raw.labels by name select 'p' as project_id, 'reaction' as label_kind, 'u' as message_uuid, "
            "'r' as run_id, now()::timestamp as loaded_at"
        )
        connection.execute("drop table raw.reflog")
    migrate(data)
    fresh = DataDir(data.root / "fresh")
    connect(fresh).close()
    assert structure(data) == structure(fresh)
    with opened_read_only(data.database) as connection:
        found = connection.execute("select label_set, label, is_sure, message_uuid from raw.labels").fetchall()
    assert found == [("unnamed", None, True, "u")]


def test_a_database_of_a_newer_program_is_refused_and_not_written(data: DataDir) -> None:
    connect(data).close()
    with duckdb.connect(str(data.database)) as connection:
        connection.execute(f"insert into {TABLE} values (99, 'of the future', '9.0.0', now()::timestamp)")
    content = data.database.read_bytes()
    put(data, project("one"))
    for refused in (
        lambda: connect(data),
        lambda: migrate(data),
        lambda: migrate(data, dry_run=True),
        lambda: land(data, load_projects(data), "run"),
        lambda: attach_warehouse(duckdb.connect(), data),
    ):
        with pytest.raises(IngestError, match="has version 99, and this program knows versions up to 3: update"):
            refused()
    assert "has version 99" in str(read_status(data).database_problem)
    assert data.database.read_bytes() == content


STEPS = (
    Step(2, "adds", "create table raw.added as select 1 as one"),
    Step(3, "loses", "delete from raw.commits"),
)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("delete from raw.commits", "would leave 0 of 1[0-9] rows in raw.commits"),
        ("drop table raw.commits", "would leave 0 of"),
        ("select * from raw.nowhere", "failed .*nowhere"),
    ],
)
def test_a_step_that_fails_or_loses_rows_leaves_the_version_before(data: DataDir, sql: str, words: str) -> None:
    restore(1, data.root)
    before, columns = rows(data)
    with duckdb.connect(str(data.database)) as connection:
        with pytest.raises(IngestError, match=words):
            bring_up_to_date(connection, 1, [STEPS[0], replace(STEPS[1], sql=sql)])
        assert found_version(connection) == 2
        assert connection.execute("select one from raw.added").fetchall() == [(1,)]
    assert rows(data, columns)[0] == before
    with duckdb.connect(str(data.database)) as connection:
        done = bring_up_to_date(connection, found_version(connection), [STEPS[0], replace(STEPS[1], sql="select 1")])
    assert [step.version for step in done] == [3]


def test_another_command_at_work_is_not_disturbed(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    restore(1, data.root)

    def refuse(*arguments: object) -> Any:
        raise IngestError("Another command")

    monkeypatch.setattr("ingest.database.data_lock", refuse)
    with pytest.raises(IngestError, match="Another command"):
        connect(data)
    monkeypatch.undo()
    assert migrate(data, dry_run=True).version == 1


def test_nothing_is_there_to_migrate(data: DataDir) -> None:
    assert migrate(data).version is None
    assert not data.root.exists()


def test_a_registry_of_another_version(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    put(data, project("one"))
    document = json.loads(data.registry.read_text())
    data.registry.write_text(json.dumps(document | {"schema_version": 7}))
    with pytest.raises(IngestError, match="has version 7, and this program knows versions up to 1: update the program"):
        load_projects(data)

    # what an upgrade will do: a version that had no notes
    for entry in document["projects"]:
        del entry["notes"]
    data.registry.write_text(json.dumps(document | {"schema_version": 0}))

    def with_notes(old: dict[str, Any]) -> dict[str, Any]:
        return old | {"projects": [entry | {"notes": ""} for entry in old["projects"]]}

    monkeypatch.setattr(registry, "UPGRADES", {0: with_notes})
    old = data.registry.read_bytes()
    assert load_projects(data) == [project("one")]
    assert data.registry.read_bytes() == old
    put(data, project("two"))
    assert json.loads(data.registry.read_text())["schema_version"] == 1
    assert upgraded([], Path("x"), 1, {}) == []


def test_what_a_newer_program_wrote_into_a_manifest_is_kept(data: DataDir) -> None:
    entry = archive(data, "-code/s.jsonl", b"{}\n")
    path = data.manifest("one")
    record = json.loads(path.read_text()) | {"language": {"name": "de"}, "score": 1}
    path.write_text(json.dumps(record) + "\n")
    manifest = Manifest.open(path)
    [found] = manifest.entries.values()
    assert found.further["language"] == {"name": "de"}
    manifest.append([replace(found, archived_bytes=7)])
    manifest.compact(force=True)
    written = json.loads(path.read_text())
    assert (written["language"], written["score"], written["archived_bytes"]) == ({"name": "de"}, 1, 7)
    assert list(read_manifest(path)) == [entry.path]
