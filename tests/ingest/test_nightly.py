"""The night around dbt: what stops it, what it says, and that the next one goes on from there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.files import exclusive_lock
from ingest.nightly import night
from ingest.nightly.cleanup import remove_old_outputs
from ingest.nightly.night import Night, run_night
from ingest.paths import PRODUCT_ROOT, DataDir
from tests.bench.readers import Reader
from tests.ingest import small_build
from tests.ingest.shell import Shell, git

pytestmark = pytest.mark.slow


@pytest.fixture
def nights(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A registered project with two sessions and a repository; builds are small ones."""
    monkeypatch.setattr(night, "build", small_build.build)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(shell.home))
    shell.make_repository()
    shell.write_session("s1")
    shell.write_session("s2")
    shell.run("add-project", "--name", "My App", "--repo", str(shell.repository))
    return shell


def run(shell: Shell) -> Night:
    return run_night(DataDir(shell.data))


def published(shell: Shell, sql: str = "select count(*) from lines") -> Any:
    with duckdb.connect(str(shell.data / "marts.db"), read_only=True) as connection:
        return connection.execute(sql).fetchall()[0][0]


def child(shell: Shell, before: str = "") -> subprocess.CompletedProcess[str]:
    """A night in a process of its own, after the statements `before`."""
    script = f"{before}\nimport runpy, sys; runpy.run_module('tests.ingest.small_build', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", script, str(shell.data)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PRODUCT_ROOT,
        env=os.environ | shell.environment,
    )


def test_a_night_says_what_it_did(nights: Shell) -> None:
    document = nights.json("nightly")
    assert (document["status"], document["exit_code"], document["success"]) == ("ok", 0, True)
    assert [step["step"] for step in document["steps"]] == [
        *("nightly", "archive", "git", "land", "build", "publish", "quality", "redaction", "clean-up"),
    ]
    [built] = [step for step in document["steps"] if step["step"] == "build"]
    assert built["counts"]["invocation_id"] == "invocation-1"
    directory = Path(document["outputs"])
    assert directory.parent == nights.data / "outputs"
    day = f"{document['started_at'][:10]}"
    assert directory.name == f"run_{document['run_id']}_nightly_{day}"
    saved = json.loads((directory / "metadata.json").read_text())
    assert saved["steps"] == document["steps"] and set(saved["versions"]) >= {"ope", "duckdb", "dbt-core"}
    assert published(nights) == 6
    assert published(nights, "select run_id from publish_state") == document["run_id"]
    printed = nights.run("nightly").stdout
    assert "0 lines of 0 files" in printed and "ok: marts.db is up to date" in printed
    assert nights.ask("select count(*) from raw.ingest_runs where step = 'publish'") == [(2,)]


def test_a_gate_withholds_and_the_exit_code_says_so(nights: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    run(nights)
    before = (nights.data / "marts.db").read_bytes()
    nights.write_session("s3")
    monkeypatch.setattr(night, "build", partial(small_build.build, test="fail"))
    printed = nights.run("nightly", code=2).stdout
    assert "withheld: The test lines_are_good failed" in printed and "marts.db stays as it was" in printed
    assert (nights.data / "marts.db").read_bytes() == before
    assert "lines_are_good" in nights.run("publish", code=2).stderr
    assert nights.json("publish", code=2)["published"] is False
    told = nights.run("nightly", "--json", code=2)
    assert told.stderr.startswith("withheld: The test lines_are_good failed") and told.stdout.startswith("{")
    monkeypatch.setattr(night, "build", partial(small_build.build, test="warn"))
    assert run(nights).exit_code == 0 and published(nights) == 9
    assert nights.run("nightly", "--json").stderr == ""


def test_a_broken_build_fails_and_publishes_nothing(nights: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    built = night.Built(errors=["model turns: Binder Error: no such column"])
    monkeypatch.setattr(night, "build", lambda *_: built)
    done = run(nights)
    assert done.exit_code == 1 and "model turns: Binder Error" in done.failures[0] and done.published is None
    assert not (nights.data / "marts.db").exists()
    assert json.loads((done.outputs / "metadata.json").read_text())["status"] == "failed"


def test_nothing_registered_fails_with_what_to_do(shell: Shell) -> None:
    assert "add-project" in shell.run("nightly", code=1).stdout


def test_two_nights_at_once(nights: Shell) -> None:
    with exclusive_lock(nights.data / "runs", "a test"):
        assert "Another command" in nights.run("nightly", code=1).stderr
    assert not (nights.data / "outputs").exists()
    assert run(nights).exit_code == 0


def test_readers_see_whole_states_through_many_nights(nights: Shell) -> None:
    run(nights)
    marts, question = nights.data / "marts.db", "select count(*), max(line) from lines"
    with Reader(marts, 0, question) as opening, Reader(marts, 1, question) as keeping:
        for night_number in range(4):
            nights.write_session(f"night{night_number}")
            assert run(nights).exit_code == 0
    for seen in (opening.seen, keeping.seen):
        assert seen.errors == [] and seen.half_states == 0
        assert seen.queries > len(seen.runs) >= 2
    assert published(nights) == 6 + 4 * 3


KILLED = """
import os, signal
from ingest.nightly import night
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
{where} = killed
"""


@pytest.mark.parametrize("where", ["night.sync", "night.require_good", "night.publish", "night.clean_up"])
def test_a_killed_night_is_gone_on_with(nights: Shell, where: str) -> None:
    run(nights)
    nights.write_session("s3")
    assert child(nights, KILLED.format(where=where)).returncode == -signal.SIGKILL
    assert published(nights) == (9 if where == "night.clean_up" else 6)
    done = run(nights)
    assert done.exit_code == 0 and published(nights) == 9
    assert done.resumed is not None and done.resumed.command == "nightly"
    assert run(nights).resumed is None


def test_a_full_disk(nights: Shell) -> None:
    run(nights)
    long = nights.write_session("s3")
    with long.open("a") as file:
        file.writelines(json.dumps({"n": n, "said": "one word " * 100}) + "\n" for n in range(2_000))
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    done = child(nights, limit)
    status, *sentences = done.stdout.strip().splitlines()
    assert (done.returncode, status) == (1, "failed"), done.stderr
    assert "Cannot write" in sentences[0] and "Traceback" not in done.stderr
    assert run(nights).exit_code == 0 and published(nights) == 6 + 3 + 2_000


def test_a_read_only_data_directory(nights: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    run(nights)

    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    assert "file system is read-only" in nights.run("nightly", code=1).stderr
    monkeypatch.undo()
    monkeypatch.setattr(night, "build", small_build.build)
    assert run(nights).exit_code == 0


def test_a_source_that_is_written_to_meanwhile(nights: Shell) -> None:
    path = nights.sessions / "live.jsonl"
    wanted = [json.dumps({"type": "user", "uuid": f"live-{n}", "cwd": str(nights.repository)}) for n in range(400)]
    is_read = threading.Event()

    def write() -> None:
        with path.open("w") as file:
            for number, line in enumerate(wanted):
                file.write(line[:20])
                file.flush()
                file.write(line[20:] + "\n")
                file.flush()
                if number % 100 == 0:
                    is_read.wait(0.3)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        assert run(nights).exit_code == 0
        is_read.set()
    writer.join()
    run(nights)
    landed = nights.ask(
        "select line from raw.session_lines inner join raw.session_files using (file_id) "
        "where session_id = 'live' order by line_number"
    )
    assert [line for (line,) in landed] == wanted


def test_a_truncated_database(nights: Shell) -> None:
    run(nights)
    nights.write_session("s3")
    database = nights.data / "ope.db"
    os.truncate(database, database.stat().st_size // 3)
    printed = nights.run("nightly", code=1).stdout
    assert "is damaged: move it away and run" in printed
    assert published(nights) == 6
    database.rename(nights.data / "broken.db")
    assert run(nights).exit_code == 0 and published(nights) == 9


def test_a_clock_that_jumps_back(nights: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    run(nights)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(days=400)

    monkeypatch.setattr("ingest.runlog.datetime", Earlier)
    nights.write_session("s3")
    os.utime(nights.sessions / "s2.jsonl", (4e9, 4e9))
    done = run(nights)
    assert done.exit_code == 0 and published(nights) == 9
    assert published(nights, "select run_id from publish_state") == done.run_id
    monkeypatch.undo()
    monkeypatch.setattr(night, "build", small_build.build)
    nights.write_session("s4")
    assert run(nights).exit_code == 0 and published(nights) == 12


def test_a_repository_that_was_forced_or_vanished(nights: Shell) -> None:
    (nights.repository / "b.py").write_text("print('kept')\n")
    git(nights.repository, "add", ".")
    git(nights.repository, "commit", "--quiet", "-m", "Add b")
    run(nights)
    git(nights.repository, "reset", "--quiet", "--hard", "HEAD~1")
    git(nights.repository, "reflog", "expire", "--expire=now", "--all")
    git(nights.repository, "gc", "--quiet", "--prune=now")
    assert run(nights).exit_code == 0
    reachable = "select message, is_reachable from raw.commits order by authored_at, message"
    assert nights.ask(reachable) == [("Add a", True), ("Add b", False)]
    shutil.rmtree(nights.repository)
    done = run(nights)
    assert done.exit_code == 0 and "my-app: " in done.warnings[0]
    assert len(nights.ask(reachable)) == 2 and published(nights) == 6


def test_only_old_outputs_of_runs_go(nights: Shell) -> None:
    data = DataDir(nights.data)
    old, new = "20200101T000000Z-abcdef", f"{datetime.now():%Y%m%dT%H%M%SZ}-abcdef"
    kept = [data.run_outputs(new, "nightly"), data.outputs / "run_mine_2020-01-01", data.outputs / "my report"]
    for directory in (data.run_outputs(old, "nightly"), *kept):
        directory.mkdir(parents=True)
    assert remove_old_outputs(data) == 1
    assert sorted(data.outputs.iterdir()) == sorted(kept)
