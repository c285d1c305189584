"""Sessions go to cold storage and come back as they were; what cannot go stays and says why."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ingest.cold.archiving import archive_sessions
from ingest.cold.part import read_parts
from ingest.errors import IngestError
from ingest.manage import plan_removal, remove_project
from tests.cold.cold_place import PROJECT, ColdPlace, record

OLD = {
    "sessions/source/old.jsonl",
    "sessions/source/old/subagents/agent-a.jsonl",
    "sessions/source/old/subagents/agent-a.meta.json",
    "sessions/source/old/subagents/agent-empty.jsonl",
    "sessions/source/old/tool-results/t.txt",
}


def kept(place: ColdPlace, *session_ids: str) -> dict[str, str]:
    selection = place.select(*session_ids)
    assert selection.chosen == []
    return {one.root_session_id: one.reason for one in selection.kept}


def test_a_session_goes_whole_and_comes_back_byte_for_byte(place: ColdPlace) -> None:
    before, entries = place.raw(), place.entries()
    moved = place.archive("old")
    assert (moved.sessions, moved.files, moved.lines) == (1, 5, 8)
    assert set(before) - set(place.raw()) == OLD
    assert {path for path, entry in place.entries().items() if entry.cold} == OLD
    assert not (place.data.raw(PROJECT) / "sessions/source/old").exists()
    assert [path.split("/")[0:4] for path in place.parquet()] == [
        ["marts", "messages", "project_id=one", "month=2024-01"],
        ["marts", "sessions", "project_id=one", "month=2024-01"],
        ["sessions", "project_id=one", "month=2024-01", place.parquet()[2].split("/")[3]],
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in place.data.archived.rglob("*") if path.is_file())

    place.restore("old")
    assert place.raw() == before
    assert place.entries() == entries
    assert place.parquet() == []


def test_a_cold_session_leaves_the_database_and_is_not_archived_again(place: ColdPlace) -> None:
    place.archive("old", "lone")
    done = place.sync()
    assert done.projects[0].archive.new == 0 and done.projects[0].archive.problems == []
    assert place.landed() == {"new", "fork-a", "fork-b"}
    assert place.cold_roots() == {"old", "lone"}
    place.data.database.unlink()
    place.sync()
    assert place.landed() == {"new", "fork-a", "fork-b"}
    place.restore("lone")
    place.sync()
    assert place.landed() == {"new", "fork-a", "fork-b", "lone"}


def test_what_is_left_of_a_part_stays_queryable(place: ColdPlace) -> None:
    """The marts in cold storage and those in the database are the marts as they were, at every moment."""

    def all_messages() -> list[tuple[object, ...]]:
        with duckdb.connect(str(place.data.database), read_only=True) as connection:
            sql = (place.data.archived / "marts.sql").read_text()
            connection.execute(sql.replace("'archived/", f"'{place.data.archived}/"))
            return connection.execute(
                "select session_id, project_id, uuid, sent_at from all_messages order by all"
            ).fetchall()

    before = place.ask("select session_id, project_id, uuid, sent_at from messages order by all")
    place.archive("old", "lone")
    assert all_messages() == before
    place.night()
    assert len(place.ask("from messages")) < len(before) and all_messages() == before
    place.restore("lone")
    place.night()
    assert place.cold_roots() == {"old"} and all_messages() == before
    [part] = read_parts(place.data)
    assert {entry.path for entry in part.files} == OLD and [one.root_session_id for one in part.sessions] == ["old"]


def test_the_statements_use_paths_of_the_data_directory(place: ColdPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.archive("old")
    place.night()
    moved = place.root / "elsewhere"
    place.data.root.rename(moved)
    monkeypatch.chdir(moved)
    with duckdb.connect("ope.db", read_only=True) as connection:
        connection.execute(Path("archived/marts.sql").read_text())
        rows = connection.execute("select count(*), count(*) filter (is_cold) from all_sessions").fetchall()
    assert rows == [(6, 2)]


def test_a_mart_may_have_gained_a_column(place: ColdPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.archive("old")
    place.night()
    monkeypatch.chdir(place.data.root)
    with duckdb.connect("ope.db") as connection:
        connection.execute("alter table main.messages add column role varchar default 'user'")
        connection.execute(Path("archived/marts.sql").read_text())
        rows = connection.execute("select is_cold, role, count(*) from all_messages group by all order by 1").fetchall()
    assert rows == [(False, "user", 5), (True, None, 3)]


def test_sessions_that_share_records_go_together(place: ColdPlace) -> None:
    assert "shares records with fork-b" in kept(place, "fork-a")["fork-a"]
    place.archive("fork-a", "fork-b")
    [part] = read_parts(place.data)
    assert part.month == "2024-03"
    place.restore("fork-a")
    assert place.cold_roots() == set()


def test_only_what_is_built_as_it_is_archived_can_go(place: ColdPlace) -> None:
    place.write("old.jsonl", (place.source / "old.jsonl").read_bytes() + record("o4", "2024-01-10"))
    place.sync()
    assert "run sync and dbt build" in kept(place, "old")["old"]
    place.build()
    assert place.select("old").chosen
    with duckdb.connect(str(place.data.database)) as connection:
        connection.execute("update audit.dbt_results set status = 'error' where node_name = 'messages'")
    assert "run sync and dbt build" in kept(place, "old")["old"]


def test_a_last_line_that_is_not_complete_waits(place: ColdPlace) -> None:
    place.write("lone.jsonl", (place.source / "lone.jsonl").read_bytes() + b'{"half', age=0)
    place.night()
    assert kept(place, "lone") == {"lone": "its last line is not complete yet"}


@pytest.mark.parametrize("damage", ["changed", "longer", "gone", "link", "linked directory"])
def test_a_damaged_archive_stays(place: ColdPlace, damage: str) -> None:
    file = place.data.raw(PROJECT) / "sessions/source/old/subagents/agent-a.jsonl"
    content = file.read_bytes()
    if damage == "changed":
        file.write_bytes(content.replace(b"o3", b"o4"))
    elif damage == "longer":
        file.write_bytes(content * 2)
    elif damage == "gone":
        file.unlink()
    elif damage == "link":
        file.rename(place.root / "aside")
        file.symlink_to(place.root / "aside")
    else:
        file.parent.rename(place.root / "aside")
        file.parent.symlink_to(place.root / "aside")
    assert re.match("its archive is damaged .*agent-a", kept(place, "old")["old"])
    assert {one.root_session_id for one in place.select("old", "lone").chosen} == {"lone"}


def test_a_file_that_changes_after_it_was_looked_at_is_not_moved(place: ColdPlace) -> None:
    selection = place.select("old").chosen
    before = place.raw()
    file = place.data.raw(PROJECT) / "sessions/source/old.jsonl"
    file.write_bytes(before["sessions/source/old.jsonl"].replace(b"o1", b"oX"))
    with pytest.raises(IngestError, match="reads back"):
        archive_sessions(place.data, selection)
    assert set(place.raw()) == set(before) and place.cold_roots() == set() and place.parquet() == []


@pytest.mark.parametrize("what", ["lines", "mart", "description"])
def test_a_damaged_part_is_named_and_nothing_is_deleted(place: ColdPlace, what: str) -> None:
    place.archive("old", "lone")
    pattern = {"lines": "sessions/*/*/*.parquet", "mart": "marts/messages/*/*/*", "description": "sessions/*/*/*.json"}
    [file] = place.data.archived.glob(pattern[what])
    file.write_bytes(file.read_bytes()[:-40] + b"x" * 40)
    entries, files = place.entries(), place.parquet()
    with pytest.raises(IngestError, match=f"{file.name}.*restore it from a backup"):
        place.restore("lone")
    assert place.entries() == entries and place.parquet() == files


def test_another_file_in_its_place_is_not_overwritten(place: ColdPlace) -> None:
    place.archive("lone")
    file = place.data.raw(PROJECT) / "sessions/source/lone.jsonl"
    file.write_bytes(b"mine")
    with pytest.raises(IngestError, match="is in the way"):
        place.restore("lone")
    assert file.read_bytes() == b"mine" and place.cold_roots() == {"lone"}


def test_nothing_is_written_or_deleted_through_a_link(place: ColdPlace) -> None:
    place.archive("old")
    outside = place.root / "outside"
    outside.mkdir()
    (place.data.raw(PROJECT) / "sessions/source/old").symlink_to(outside)
    with pytest.raises(IngestError):
        place.restore("old")
    assert list(outside.iterdir()) == [] and place.cold_roots() == {"old"}
    (place.data.raw(PROJECT) / "sessions/source/old").unlink()
    place.restore("old")
    assert set(place.raw()) >= OLD


def test_a_lost_manifest_learns_from_cold_storage(place: ColdPlace) -> None:
    own = {"cold": None, "source": None}  # the copy of the place is somewhere else
    before = {path: asdict(entry) | own for path, entry in place.entries().items()}
    place.archive("old")
    place.data.manifest(PROJECT).unlink()
    done = place.sync()
    assert place.cold_roots() == {"old"} and b"further" not in place.data.manifest(PROJECT).read_bytes()
    assert done.projects[0].archive.rewritten == 4
    place.restore("old")
    assert {path: asdict(place.entries()[path]) | own for path in OLD} == {path: before[path] for path in OLD}


def test_a_damaged_manifest_does_not_bring_a_cold_session_back(place: ColdPlace) -> None:
    place.archive("old")
    manifest = place.data.manifest(PROJECT)
    lines = manifest.read_bytes().splitlines(keepends=True)
    # every line that says where the files went is lost, the earlier ones are there
    manifest.write_bytes(b"".join(b"damaged\n" if b'"cold"' in line else line for line in lines))
    assert place.cold_roots() == set()
    place.sync()
    assert place.cold_roots() == {"old"} and not OLD & set(place.raw())


def test_a_removed_project_takes_its_cold_storage_with_it(place: ColdPlace) -> None:
    place.archive("old")
    removal = plan_removal(place.data, PROJECT, delete_archive=True)
    assert str(place.data.archived / "sessions/project_id=one") in removal.directories
    remove_project(place.data, removal)
    left = [path.name for path in place.data.archived.rglob("*") if path.is_file()]
    assert left == ["marts.sql"] and "all_sessions as" not in (place.data.archived / "marts.sql").read_text()


def test_a_session_without_a_time_goes_by_name_only(place: ColdPlace) -> None:
    place.write("timeless.jsonl", b'{"type": "summary", "uuid": "t1"}\n')
    place.night()
    assert "timeless" not in {one.root_session_id for one in place.select(before=datetime(2030, 1, 1)).chosen}
    place.archive("timeless")
    assert [part.month for part in read_parts(place.data)] == ["unknown"]


def test_every_move_is_in_the_run_log(place: ColdPlace) -> None:
    place.archive("old")
    place.restore("old")
    place.sync()
    rows = place.ask(
        "select step, project_id, status, bytes, counts->>'$.sessions' from raw.ingest_runs "
        "where step in ('cold', 'restore') order by started_at"
    )
    size = sum(len(content) for path, content in place.raw().items() if path in OLD)
    assert rows == [("cold", "one", "ok", size, "1"), ("restore", "one", "ok", size, "1")]


def test_files_without_rights_are_reported(place: ColdPlace) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (place.data.raw(PROJECT) / "sessions/source/old.jsonl").chmod(0)
    assert "damaged" in kept(place, "old")["old"]


@pytest.mark.parametrize(("field", "value"), [("project_id", "../outside"), ("month", "../.."), ("part_id", "other")])
def test_a_description_that_names_another_place_is_damaged(place: ColdPlace, field: str, value: str) -> None:
    place.archive("lone")
    [file] = place.data.archived.glob("sessions/*/*/*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    with pytest.raises(IngestError, match="cannot be read"):
        place.restore("lone")
    assert place.cold_roots() == {"lone"}


def test_a_mart_that_no_model_makes_any_more_is_in_nobodys_way(place: ColdPlace) -> None:
    with duckdb.connect(str(place.data.database)) as connection:
        connection.execute("create table main.earlier as select 'old' as session_id")
    assert "run sync and dbt build" in kept(place, "old")["old"]
    with duckdb.connect(str(place.data.database)) as connection:
        connection.execute(
            "create table audit.nodes as select 'model' as node_type, 'models/marts/core/x.sql' as file_path, "
            "unnest(['sessions', 'messages']) as relation_name"
        )
    place.archive("old")
    assert {path.split("/")[1] for path in place.parquet() if path.startswith("marts/")} == {"sessions", "messages"}
