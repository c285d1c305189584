"""`retention`, `archive` and `restore` as a person gives them."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from click.testing import CliRunner, Result

from ingest.cli import main
from ingest.cold.retention import rules, select_old
from ingest.errors import IngestError
from ingest.registry import NEVER, get_project, load_projects, set_retention
from tests.cold.cold_place import PROJECT, ColdPlace

MOMENT = datetime(2026, 2, 1)


def run(place: ColdPlace, *arguments: str, code: int = 0, typed: str | None = None) -> Result:
    environment = {"OPE_DATA_DIR": str(place.data.root), "NO_COLOR": "1"}
    result = CliRunner(env=environment).invoke(main, arguments, input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def old(place: ColdPlace, days: int | None = None) -> set[str]:
    projects = load_projects(place.data)
    return {one.root_session_id for one in select_old(place.data, projects, rules(projects, days, MOMENT)).chosen}


def test_a_session_is_as_old_as_its_last_record(place: ColdPlace) -> None:
    # `fork-a` is of 2024-02-01, but of a family whose last record is of 2024-03-01
    assert old(place) == {"old", "lone"}
    assert old(place, 701) == {"old", "lone", "fork-a", "fork-b"}
    assert old(place, 100) == {"old", "lone", "fork-a", "fork-b", "new"}


def test_a_project_may_have_its_own_number_of_days(place: ColdPlace) -> None:
    set_retention(place.data, PROJECT, NEVER)
    assert old(place) == set() and get_project(place.data, PROJECT).retention_days == NEVER
    set_retention(place.data, PROJECT, 701)
    assert old(place) == {"old", "lone", "fork-a", "fork-b"}
    with pytest.raises(IngestError, match="retention_days"):
        set_retention(place.data, PROJECT, 0)
    set_retention(place.data, PROJECT, None)
    assert old(place) == {"old", "lone"} and "retention_days" not in place.data.registry.read_text()


def test_retention_shows_before_it_moves(place: ColdPlace) -> None:
    assert "sessions stay 700 days" in run(place, "retention", "--days", "700").output
    assert place.cold_roots() == set()
    run(place, "retention", "--days", "700", "--apply", code=1, typed="n\n")
    assert place.cold_roots() == set()
    done = json.loads(run(place, "retention", "--days", "700", "--apply", "--yes", "--json").stdout)
    assert done["moved"]["sessions"] == 4 == len(done["sessions"])
    assert place.cold_roots() == {"old", "lone", "fork-a", "fork-b"}


def test_retention_notes_how_long_a_project_keeps(place: ColdPlace) -> None:
    assert "name it with --project" in run(place, "retention", "--keep", "9", code=1).output
    run(place, "retention", "--project", PROJECT, "--keep", "0", code=2)
    assert "for ever" in run(place, "retention", "--project", PROJECT, "--keep", "never").output
    assert "sessions stay 9 days" in run(place, "retention", "--project", PROJECT, "--keep", "9", "--apply").output
    assert place.cold_roots() == set()
    assert "730 days" in run(place, "retention", "--project", PROJECT, "--keep", "default").output


def test_archive_takes_what_is_named(place: ColdPlace) -> None:
    assert "Nothing is named" in run(place, "archive", code=1).output
    shown = run(place, "archive", "old", "fork-a", "gone", "--dry-run").output
    assert "fork-a stays: it shares records with fork-b" in shown and "gone: no archive has this session" in shown
    assert place.cold_roots() == set()
    shown = run(place, "archive", "--before", "2024-01-15", "--yes").output
    assert "1 session with 8 lines are in cold storage" in shown and place.cold_roots() == {"old"}
    run(place, "archive", "--project", PROJECT, "--yes")
    assert place.cold_roots() == {"old", "lone", "fork-a", "fork-b", "new"}


def test_restore_brings_back_what_is_named(place: ColdPlace) -> None:
    place.archive("old", "lone", "fork-a", "fork-b")
    assert "Nothing is named" in run(place, "restore", code=1).output
    listed = json.loads(run(place, "restore", "--all", "--dry-run", "--json").stdout)["sessions"]
    assert [one["root_session_id"] for one in listed] == ["lone", "old", "fork-a", "fork-b"]
    shown = run(place, "restore", "fork-a", "gone", typed="y\n").output
    assert "gone: not in cold storage" in shown and place.cold_roots() == {"old", "lone"}
    run(place, "restore", "--project", PROJECT, "--yes")
    assert place.cold_roots() == set() and "Nothing of this" in run(place, "restore", "--all", "--yes").output


def test_without_a_database_nothing_is_moved(place: ColdPlace) -> None:
    place.data.database.unlink()
    assert "There is no database" in run(place, "archive", "old", "--yes", code=1).output
    place.sync()
    assert "old stays: the marts do not have it" in run(place, "archive", "old", "--yes").output
    assert place.cold_roots() == set()


def test_status_counts_what_is_in_the_archive_and_waits_for_nothing(place: ColdPlace) -> None:
    place.archive("old")
    place.night()
    [status] = json.loads(run(place, "status", "--json").stdout)["projects"]
    assert (status["archived_files"], status["waiting_files"]) == (4, 0)
