"""The run log: one line per step, whatever happens."""

from __future__ import annotations

import json
import re
import stat
from datetime import datetime
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.runlog import new_run_id, step


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


def records(data: DataDir) -> list[dict[str, object]]:
    (path,) = data.runs.glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


class Redactor:
    def redact_text(self, text: str) -> str:
        return text.replace("hunter2", "[gone]")


def test_run_ids_sort_by_time_and_differ() -> None:
    ids = {new_run_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", run_id) for run_id in ids)


def test_a_step_is_one_private_line(data: DataDir) -> None:
    with step(data, "r1", "archive", "one") as counts:
        counts.update(files=3, bytes=10)
    with step(data, "r1", "land"):
        pass

    first, second = records(data)
    assert (first["run_id"], first["step"], first["project_id"]) == ("r1", "archive", "one")
    assert (first["status"], first["counts"], first["bytes"], first["error"]) == ("ok", {"files": 3}, 10, None)
    assert second["project_id"] is None and second["bytes"] is None
    started, ended = (datetime.fromisoformat(str(first[key])) for key in ("started_at", "ended_at"))
    assert started <= ended
    (path,) = data.runs.glob("*.jsonl")
    assert path.name == f"{started:%Y-%m}.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("error", "redactor", "text"),
    [
        (IngestError("no hunter2 there"), Redactor(), "no [gone] there"),
        (ValueError("hunter2"), Redactor(), "ValueError: [gone]"),
        (IngestError("no such place"), None, "no such place"),
        (ValueError("hunter2"), None, "ValueError"),  # nobody can say what stands in it
        (KeyboardInterrupt(), None, "interrupted"),
    ],
)
def test_a_failure_is_recorded_without_secrets_and_goes_on(
    data: DataDir, error: BaseException, redactor: Redactor | None, text: str
) -> None:
    with pytest.raises(type(error)) as caught, step(data, "r1", "git", redactor=redactor) as counts:
        counts["commits"] = 2
        raise error
    assert caught.value is error
    (record,) = records(data)
    assert (record["status"], record["error"], record["counts"]) == ("failed", text, {"commits": 2})


def test_half_a_line_of_a_killed_run_stays_alone(data: DataDir) -> None:
    with step(data, "r1", "a"):
        pass
    (path,) = data.runs.glob("*.jsonl")
    with path.open("a") as file:
        file.write('{"run_id": "r2", "st')
    with step(data, "r3", "b"):
        pass

    lines = path.read_text().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[0])["run_id"] == "r1"
    assert lines[1] == '{"run_id": "r2", "st'
    assert json.loads(lines[2])["run_id"] == "r3"


def test_a_log_that_cannot_be_written_is_said_but_never_hides_the_failure(data: DataDir) -> None:
    data.root.mkdir()
    data.runs.write_text("a file in the place of the directory")
    with pytest.raises(IngestError, match="run log"), step(data, "r1", "a"):
        pass
    with pytest.raises(ValueError, match="the real one"), step(data, "r1", "a"):
        raise ValueError("the real one")
