"""The JSON logs: a line for all that happens, nothing private in them, and never in the way of a command."""

from __future__ import annotations

import gzip
import json
import os
import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingest import files
from ingest.errors import IngestError
from ingest.operations.log_files import clean_logs
from ingest.operations.logs import APPLICATION, ERRORS, PIPELINE, log_failure, log_path, write_log
from ingest.paths import DataDir
from ingest.runlog import step
from tests.ingest.shell import Shell

SECRET = "AKIA" + "Q7" * 8
TODAY = date(2026, 3, 10)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "data")
    made.runs.mkdir(parents=True)
    return made


def lines(data: DataDir, stream: str) -> list[dict[str, Any]]:
    return [json.loads(line) for path in data.logs.glob(f"{stream}-*.jsonl") for line in path.read_text().splitlines()]


def test_a_line_says_when_what_and_of_which_run(data: DataDir) -> None:
    write_log(data, PIPELINE, "step ended", level="warning", run_id="r1", fields={"seconds": 1.5})
    write_log(data, PIPELINE, "another")

    first, second = lines(data, PIPELINE)
    assert {key: first[key] for key in ("level", "event", "run_id", "command", "seconds")} == {
        **{"level": "warning", "event": "step ended", "run_id": "r1"},
        **{"command": None, "seconds": 1.5},
    }
    assert first["ts"] <= second["ts"] and first["ts"].endswith("Z")
    (path,) = data.logs.iterdir()
    assert path == log_path(data, PIPELINE, first["ts"][:10])
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(data.logs.stat().st_mode)) == (0o600, 0o700)


def test_a_step_is_told_with_its_counts_and_its_failure(data: DataDir) -> None:
    with step(data, "r1", "archive", "one") as counts:
        counts["files"] = 3
    with pytest.raises(IngestError), step(data, "r2", "git"):
        raise IngestError(f"no {SECRET} there")

    started, ended, _, failed = lines(data, PIPELINE)
    assert (started["event"], ended["event"], failed["status"]) == ("step started", "step ended", "failed")
    assert (ended["step"], ended["project_id"], ended["counts"], ended["status"]) == (
        *("archive", "one"),
        *({"files": 3}, "ok"),
    )
    (error,) = lines(data, ERRORS)
    assert (error["level"], error["run_id"], error["step"]) == ("error", "r2", "git")
    assert "[REDACTED:" in error["error"] and SECRET not in error["error"]
    assert not data.redaction_key.exists()


def test_a_bug_is_told_by_type_and_place_only(data: DataDir) -> None:
    try:
        DataDir(None).runs  # type: ignore[arg-type]  # noqa: B018
    except TypeError as error:
        log_failure(data, "command failed", error)
    (told,) = lines(data, ERRORS)
    assert told["error"] == "TypeError" and told["place"].startswith("ingest/paths.py:")


def test_every_command_is_told_with_its_exit_code(synced: Shell) -> None:
    for path in (synced.data / "logs").iterdir():
        path.unlink()
    synced.run("projects")
    synced.run("remove-project", "unheard-of", "--yes", code=1)
    synced.run("sync", "--no-such-option", code=2)

    data = DataDir(synced.data)
    told = lines(data, APPLICATION)
    assert [(line["command"], line["event"]) for line in told] == [
        (command, event)
        for command in ("projects", "remove-project", "sync")
        for event in ("command started", "command ended")
    ]
    ends = [line for line in told if line["event"] == "command ended"]
    assert [(line["exit_code"], line["level"]) for line in ends] == [(0, "info"), (1, "error"), (2, "warning")]
    assert all(line["seconds"] >= 0 for line in ends)
    (error,) = lines(data, ERRORS)
    assert error["command"] == "remove-project" and "unheard-of" in error["error"]


def test_what_a_sync_does_is_in_the_pipeline(synced: Shell) -> None:
    steps = [line["step"] for line in lines(DataDir(synced.data), PIPELINE) if line["event"] == "step ended"]
    assert steps == ["git", "archive", "git", "land"]


def test_where_no_data_directory_is_none_is_made(shell: Shell) -> None:
    shell.run("projects")
    assert not shell.data.exists()
    shell.data.mkdir()
    shell.run("projects")
    assert list(shell.data.iterdir()) == []


def test_a_log_that_cannot_be_written_stops_nothing(synced: Shell, tmp_path: Path) -> None:
    logs_directory = synced.data / "logs"
    logs_directory.rename(synced.data / "old")
    logs_directory.write_text("a file in the place of the directory")
    synced.run("sync")
    logs_directory.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    logs_directory.symlink_to(elsewhere)
    synced.run("sync")
    assert list(elsewhere.iterdir()) == []


def test_half_a_line_of_a_killed_command_stays_alone(data: DataDir) -> None:
    write_log(data, APPLICATION, "one")
    (path,) = data.logs.iterdir()
    with path.open("a") as file:
        file.write('{"ts": "20')
    write_log(data, APPLICATION, "two")
    assert [line[:10] for line in path.read_text().splitlines()][1] == '{"ts": "20'
    assert json.loads(path.read_text().splitlines()[2])["event"] == "two"


def old_log(data: DataDir, day: str, stream: str = PIPELINE, content: str = '{"event": "x"}\n') -> Path:
    data.logs.mkdir(exist_ok=True)
    path = log_path(data, stream, day)
    path.write_text(content)
    return path


def test_logs_are_compressed_after_a_week_and_deleted_after_a_month(data: DataDir) -> None:
    for day in ("2026-03-10", "2026-03-03", "2026-03-02", "2026-02-08", "2026-02-07"):
        old_log(data, day)
    foreign = data.logs / "pipeline-2020-01-01.jsonl.bak"
    foreign.write_text("mine")
    (data.logs / "errors-2020-01-01.jsonl").symlink_to(foreign)

    planned = clean_logs(data, dry_run=True, today=TODAY)
    assert planned.compressed == ["pipeline-2026-02-08.jsonl", "pipeline-2026-03-02.jsonl"]
    assert planned.deleted == ["pipeline-2026-02-07.jsonl"]
    assert len(list(data.logs.iterdir())) == 7

    done = clean_logs(data, today=TODAY)
    assert (done.compressed, done.deleted) == (planned.compressed, planned.deleted)
    left = sorted(path.name for path in data.logs.iterdir())
    assert left == [
        "errors-2020-01-01.jsonl",
        "pipeline-2020-01-01.jsonl.bak",
        "pipeline-2026-02-08.jsonl.gz",
        "pipeline-2026-03-02.jsonl.gz",
        "pipeline-2026-03-03.jsonl",
        "pipeline-2026-03-10.jsonl",
    ]
    assert gzip.decompress((data.logs / left[2]).read_bytes()) == b'{"event": "x"}\n'
    assert stat.S_IMODE((data.logs / left[2]).stat().st_mode) == 0o600
    assert clean_logs(data, today=TODAY).compressed == []
    assert clean_logs(data, today=date(2026, 3, 11)).deleted == ["pipeline-2026-02-08.jsonl.gz"]


def test_a_clock_that_jumps_keeps_every_line_once(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day that is compressed gets lines again; a kill between compressing and deleting repeats none of them."""
    old_log(data, "2026-02-20", content="1\n")
    clean_logs(data, today=TODAY)
    again = old_log(data, "2026-02-20", content="2\n")
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        clean_logs(data, today=TODAY)
    monkeypatch.undo()
    assert again.exists()
    old_log(data, "2030-01-01", content="tomorrow\n")

    clean_logs(data, today=TODAY)

    assert gzip.decompress(again.with_name(f"{again.name}.gz").read_bytes()) == b"1\n2\n"
    assert sorted(path.name for path in data.logs.iterdir()) == [
        "pipeline-2026-02-20.jsonl.gz",
        "pipeline-2030-01-01.jsonl",
    ]


def test_a_line_that_comes_while_its_file_is_compressed_is_kept(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old_log(data, "2026-02-20", content="1\n")
    opened = files.open_private

    def slow(where: Path) -> int:
        descriptor = opened(where)
        monkeypatch.setattr(files, "open_private", opened)
        clean_logs(data, today=TODAY)
        return descriptor

    monkeypatch.setattr(files, "open_private", slow)
    files.append_line(path, b"2")
    assert path.read_bytes() == b"2\n"
    clean_logs(data, today=TODAY)
    assert gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()) == b"1\n2\n"


def test_a_damaged_compressed_log_stops_nothing(data: DataDir) -> None:
    old_log(data, "2026-02-20", content="1\n")
    damaged = data.logs / "pipeline-2026-02-20.jsonl.gz"
    damaged.write_bytes(gzip.compress(os.urandom(100))[:30])
    clean_logs(data, today=TODAY)
    assert gzip.decompress(damaged.read_bytes()) == b"1\n"
