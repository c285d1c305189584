"""The history of runs and what it warns of: a slow night, days without anything new, an old marts.db."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.operations.advice import run_warnings
from ingest.operations.dbt_results import clean_dbt_results
from ingest.operations.history import read_builds, read_history, read_history_with_builds
from ingest.paths import DataDir
from ingest.registry import Project
from ingest.runlog import now
from tests.ingest.shell import Shell

NOW = datetime(2026, 3, 10, 6)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "data")
    made.runs.mkdir(parents=True)
    return made


def write(data: DataDir, *records: dict[str, Any]) -> None:
    for record in records:
        with (data.runs / f"{record['started_at'][:7]}.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")


def record(run_id: str, step: str, start: datetime, seconds: float = 1, **more: Any) -> dict[str, Any]:
    ended_at = start + timedelta(seconds=seconds)
    known = {"project_id": None, "status": "ok", "counts": {}, "bytes": None, "error": None}
    times = {"started_at": start.isoformat(), "ended_at": ended_at.isoformat()}
    return {"run_id": run_id, "step": step, **times, **known, **more}


def night(data: DataDir, start: datetime, build_seconds: float = 60, lines: int = 5, **whole: Any) -> None:
    """A whole night: 1 s of sync, so many of dbt, 1 s of publication."""
    run_id = f"{start:%Y%m%dT%H%M%SZ}-abcdef"
    built = start + timedelta(seconds=1)
    published = built + timedelta(seconds=build_seconds)
    counts = {"invocation_id": f"i-{run_id}", "models": 9, "seeds": 2, "tests": 7, "warned": 1}
    write(
        data,
        record(run_id, "git", start, 0.25, project_id="a", counts={"commits": 9, "new_commits": 2}),
        record(run_id, "git", start, 0.5, project_id="b", counts={"commits": 9, "new_commits": 0}),
        record(run_id, "land", start, 1, counts={"lines": lines, "commits": 9}),
        record(run_id, "build", built, build_seconds, counts=counts),
        record(run_id, "quality", published, 0, counts={"score": 94.1, "failed": 0, "warned": 1}),
        record(run_id, "publish", published, 1, **whole.pop("publish", {})),
        record(run_id, "nightly", start, build_seconds + 2, **{"counts": {"exit_code": 0}, **whole}),
    )


def project(*directories: Path) -> Project:
    nothing = dict.fromkeys(("repository", "git_metadata", "added_at", "since", "instrumentation_tier"))
    sources = tuple(str(directory) for directory in directories)
    return Project("a", "A", repository_paths=(), session_directories=sources, status="completed", notes="", **nothing)


def test_a_night_is_one_run(data: DataDir) -> None:
    night(data, NOW)
    write(data, record("s", "archive", NOW - timedelta(days=1)), record("s", "land", NOW - timedelta(days=1)))
    with (data.runs / "2026-03.jsonl").open("a") as file:
        file.write('{"run_id": "killed", "st\nnull\n[1]\n{"run_id": 3}\n')

    sync, run = read_history(data)

    assert (sync.kind, sync.status, sync.is_published, sync.score) == ("sync", "ok", None, None)
    assert (run.kind, run.status, run.started_at, run.seconds) == ("nightly", "ok", NOW, 62)
    assert run.steps == {"git": 0.75, "land": 1, "build": 60, "quality": 0, "publish": 1}
    assert (run.lines, run.commits, run.models, run.tests, run.failed, run.warned) == (5, 2, 9, 7, 0, 1)
    assert (run.is_published, run.score, run.invocation_id) == (True, 94.1, f"i-{run.run_id}")


def test_a_withheld_night_has_not_failed(data: DataDir) -> None:
    withheld = {"status": "failed", "error": "marts.db stays as it was."}
    night(data, NOW, publish=withheld, counts={"exit_code": 2})
    night(data, NOW + timedelta(days=1), publish=withheld, counts={"exit_code": 1})
    runs = read_history(data)
    assert [(run.status, run.is_published) for run in runs] == [("withheld", False), ("failed", False)]
    assert runs[0].errors == ["publish: marts.db stays as it was."]


def test_old_months_are_not_opened(data: DataDir) -> None:
    """A directory in the place of a file would raise: a log of many years costs what its last months do."""
    for day in range(1, 11):
        night(data, datetime(2026, 3, day))
        night(data, datetime(2026, 2, day))
    (data.runs / "2026-01.jsonl").mkdir()
    assert [run.started_at.day for run in read_history(data, 3)] == [8, 9, 10]
    with pytest.raises(IsADirectoryError):
        read_history(data)


def test_a_run_past_midnight_of_a_month_is_one(data: DataDir) -> None:
    start = datetime(2026, 2, 28, 23, 59, 59)
    night(data, start)
    (run,) = read_history(data, 1)
    assert (run.started_at, run.steps["build"], run.lines) == (start, 60, 5)


def test_a_clock_that_jumps_back_makes_no_negative_time(data: DataDir) -> None:
    write(data, record("r", "archive", NOW, -3600), record("r", "land", NOW - timedelta(hours=1), 1))
    (run,) = read_history(data)
    assert run.seconds == pytest.approx(1, abs=1) and run.steps == {"archive": 0, "land": 1}


def warnings(data: DataDir, *sources: Path, moment: datetime = NOW) -> list[str]:
    return run_warnings(data, read_history(data), [project(*sources)], moment)


def test_a_night_twice_as_slow_as_usual_is_told(data: DataDir) -> None:
    for day in range(1, 4):
        night(data, NOW - timedelta(days=day))
    night(data, NOW, build_seconds=119)
    assert warnings(data) == []
    night(data, NOW + timedelta(days=1), build_seconds=140)
    assert warnings(data, moment=NOW + timedelta(days=1)) == [
        "The last night was slow: the whole night took 142 s, 62 s on the 4 nights before.",
        "The last night was slow: build took 140 s, 60 s on the 4 nights before.",
    ]


def test_two_nights_are_no_habit_and_seconds_do_not_matter(data: DataDir) -> None:
    for day in (2, 1):
        night(data, NOW - timedelta(days=day))
    night(data, NOW, build_seconds=500)
    assert warnings(data) == []
    short = DataDir(data.root / "short")
    short.runs.mkdir(parents=True)
    for day in range(1, 6):
        night(short, NOW - timedelta(days=day), build_seconds=1)
    night(short, NOW, build_seconds=5)
    assert warnings(short) == []


def test_days_without_anything_new_are_told_where_there_is_something_to_read(data: DataDir, tmp_path: Path) -> None:
    start = NOW - timedelta(days=6)
    night(data, start)
    for day in range(1, 7):
        write(data, record(f"r{day}", "land", start + timedelta(days=day), counts={"lines": 0}))
    assert warnings(data, tmp_path / "gone") == []
    (told,) = warnings(data, tmp_path)
    assert told.startswith("Nothing new was landed for 5 days (since 2026-03-04), though 1 project can be read")
    write(data, record("git", "git", NOW, counts={"new_commits": 1}), record("git", "land", NOW))
    assert warnings(data, tmp_path) == []
    (told,) = warnings(data, tmp_path, moment=NOW + timedelta(days=4))
    assert told == "Nothing was synced for 3 days (since 2026-03-10): does the timer run?"


def test_a_night_that_ended_badly_is_told_first(data: DataDir) -> None:
    night(data, NOW, publish={"status": "failed", "error": "marts.db stays."}, counts={"exit_code": 2})
    assert warnings(data) == ["The last night (2026-03-10 06:00 UTC) ended as withheld: publish: marts.db stays."]


def test_an_old_marts_db_is_told(data: DataDir) -> None:
    data.published.write_bytes(b"")
    written = (NOW - timedelta(days=3) - datetime(1970, 1, 1)).total_seconds()
    os.utime(data.published, (written, written))
    assert warnings(data) == []
    night(data, NOW)
    assert warnings(data) == ["marts.db is 3 days old: 1 night since could not publish."]


def make_audit(data: DataDir) -> None:
    """Three dbt commands: an old one, that of a night, and a person's; one node was never run again."""
    moment = now()
    with duckdb.connect(str(data.database)) as connection:
        connection.execute("create schema audit")
        connection.execute(
            "create table audit.invocations "
            "(invocation_number bigint, invocation_id varchar, command varchar, "
            "started_at timestamp, ended_at timestamp)"
        )
        connection.execute(
            "create table audit.dbt_results "
            "(invocation_id varchar, node_id varchar, node_type varchar, node_name varchar, status varchar)"
        )
        for number, (name, days) in enumerate((("old", 500), ("night", 2), ("person", 1), ("killed", 600)), start=1):
            start = moment - timedelta(days=days)
            connection.execute(
                "insert into audit.invocations values (?, ?, 'build', ?, ?)",
                [number, name, start, None if name == "killed" else start + timedelta(seconds=30)],
            )
        connection.executemany(
            "insert into audit.dbt_results values (?, ?, ?, ?, ?)",
            [
                ("old", "m1", "model", "m1", "success"),
                ("old", "m2", "model", "m2", "success"),
                ("night", "m1", "model", "m1", "success"),
                ("person", "m1", "model", "m1", "success"),
                ("person", "t1", "test", "t1", "fail"),
                ("person", "t2", "test", "t2", "warn"),
            ],
        )


def test_dbt_commands_of_a_person_are_runs_too(data: DataDir) -> None:
    assert read_builds(data, 5) == []
    make_audit(data)
    run_id = "20260101T000000Z-abcdef"
    start = now() - timedelta(days=2)
    write(data, record(run_id, "build", start, 30, counts={"invocation_id": "night", "models": 1}))
    runs = read_history_with_builds(data, 5)
    assert [(run.kind, run.run_id) for run in runs] == [
        ("dbt build", "old"),
        ("nightly", run_id),
        ("dbt build", "person"),
    ]
    person = runs[-1]
    assert (person.status, person.models, person.tests, person.failed, person.warned) == ("failed", 1, 2, 1, 1)
    assert [run.run_id for run in read_history_with_builds(data, 5, only_nights=True)] == [run_id]


def test_old_results_of_dbt_go_but_for_the_last_of_each_node(data: DataDir) -> None:
    assert clean_dbt_results(data) == 0
    make_audit(data)
    assert clean_dbt_results(data, dry_run=True) == 1
    assert clean_dbt_results(data) == 1
    with duckdb.connect(str(data.database)) as connection:
        left = connection.execute("select invocation_id, node_id from audit.dbt_results order by all").fetchall()
        commands = connection.execute("select invocation_id from audit.invocations order by 1").fetchall()
    assert left == [("night", "m1"), ("old", "m2"), ("person", "m1"), ("person", "t1"), ("person", "t2")]
    assert commands == [("killed",), ("night",), ("old",), ("person",)]
    assert clean_dbt_results(data) == 0


def test_the_commands_show_it(synced: Shell) -> None:
    data = DataDir(synced.data)
    for day in range(8, 4, -1):
        night(data, now() - timedelta(days=day), build_seconds=60 if day > 5 else 300)

    document = synced.json("history", "--nights", "--last", "2")
    assert [run["steps"]["build"] for run in document["runs"]] == [60, 300]
    assert ["slow" in warning for warning in document["warnings"]] == [True, True]
    shown = synced.run("history").stdout
    assert "94.1" in shown and "warning: The last night was slow: build took 300 s" in shown
    status = synced.json("status")
    assert status["warnings"] == document["warnings"] and status["published_at"] is None
    printed = synced.run("status").stdout
    assert "build took 300 s" in printed and "last build: never; marts.db: never" in printed
