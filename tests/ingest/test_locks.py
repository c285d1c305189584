"""One command at a time on a data directory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from ingest import locks
from ingest.errors import IngestError
from ingest.locks import HOLDER, data_lock, read_holder
from ingest.paths import PRODUCT_ROOT, DataDir

HOLDS = """
import sys, time
from pathlib import Path
from ingest.locks import data_lock
from ingest.paths import DataDir
with data_lock(DataDir(Path(sys.argv[1])), "nightly"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


@contextmanager
def holding(data: DataDir) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDS, str(data.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PRODUCT_ROOT) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def test_a_second_command_is_told_who_is_at_work_and_a_killed_one_is_recognised(data: DataDir) -> None:
    with holding(data) as process:
        said = rf"`nightly`, process {process.pid}, since .*wait for its end"
        with pytest.raises(IngestError, match=said), data_lock(data, "sync"):
            pass
    with data_lock(data, "sync") as killed:
        assert killed is not None and (killed.command, killed.pid) == ("nightly", process.pid)
        with data_lock(data, "inner") as inner:
            assert inner is None
        now = read_holder(data)
        assert now is not None and (now.command, now.pid) == ("sync", os.getpid())
    assert not (data.runs / HOLDER).exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}'])
def test_a_damaged_holder_says_nothing(data: DataDir, content: bytes) -> None:
    data.runs.mkdir(parents=True)
    (data.runs / HOLDER).write_bytes(content)
    with data_lock(data, "sync") as killed:
        assert killed is None


def test_without_locks_of_the_file_system_the_process_decides(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def none(*_: object) -> Iterator[bool]:
        yield False

    monkeypatch.setattr(locks, "exclusive_lock", none)
    data.runs.mkdir(parents=True)
    holder = {"command": "nightly", "pid": 1, "host": socket.gethostname(), "started_at": "2026-01-01T00:00:00"}
    for changes, is_refused in (({}, True), ({"host": "elsewhere"}, True), ({"pid": 2**22 + 1}, False)):
        (data.runs / HOLDER).write_bytes(orjson.dumps(holder | changes))
        if is_refused:
            with pytest.raises(IngestError, match="`nightly`, process 1"), data_lock(data, "sync"):
                pass
        else:
            with data_lock(data, "sync") as killed:
                assert killed is not None


def test_what_a_killed_command_left_half_written_is_removed(data: DataDir) -> None:
    """Where files are written beside those that they replace; labels have locks of their own, and a while."""
    left = (".projects.json.ab12.tmp", "runs/.lock.json.ab12.tmp", "raw/p/.manifest.jsonl.ab12.tmp")
    left += ("processed/p/.git-metadata.json.ab12.tmp", "validation/p/.truth.csv.old.tmp")
    kept = ("validation/p/.truth.csv.new.tmp", "raw/p/sessions/d/.s.jsonl.ab12.tmp", "raw/p/notes.tmp", "projects.json")
    for name in (*left, *kept):
        (data.root / name).parent.mkdir(parents=True, exist_ok=True)
        (data.root / name).write_text("half")
    os.utime(data.root / "validation/p/.truth.csv.old.tmp", (1, 1))
    (data.root / "raw/p/.link.tmp").symlink_to(data.root / "projects.json")
    with data_lock(data, "sync"):
        assert not any((data.root / name).exists() for name in left)
    assert all((data.root / name).read_text() == "half" for name in kept)
    assert (data.root / "raw/p/.link.tmp").is_symlink()
