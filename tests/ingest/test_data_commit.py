"""`sync --commit`: what it commits, and everything in front of which it stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest import data_repository
from ingest.care import data_commit, git_command
from ingest.care.data_commit import commit_gain
from ingest.care.git_command import run_git
from ingest.data_repository import init_data
from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.registry import register
from ingest.settings import setting
from tests.ingest.hook_work import SESSION, HookWork
from tests.ingest.shell import Shell, git

RUN = "20260101T000000Z-ab12cd"
LOG = "raw/one/sessions/s.jsonl"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_waiting_for_the_disk", "no_settings")]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nobody's git settings but those that a test writes."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return tmp_path / "gitconfig"


@pytest.fixture
def data(data: DataDir) -> DataDir:
    init_data(data.root)
    write(data, LOG, "{}\n{}\n")
    write(data, "runs/2026-01.jsonl", "{}\n")
    write(data, ".redaction_key", "ab" * 32)
    return data


def write(data: DataDir, path: str, text: str) -> None:
    place = data.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def ask(data: DataDir, *arguments: str) -> str:
    answer = run_git(data.root, *arguments)
    assert not answer.code, answer.error
    return answer.text


def test_sync_commits_what_it_gained_and_nothing_the_second_time(synced: Shell) -> None:
    assert "make it one with `python -m ingest init-data`" in synced.run("sync", "--commit", code=1).stderr
    synced.run("init-data")
    assert "committed" in synced.run("sync", "--commit").stdout
    assert "gained nothing" in synced.run("sync", "--commit").stdout
    synced.write_session("s2", 4)
    done = synced.json("sync", "--commit")
    assert done["commit"]["subject"] == "data: add 1 session, 4 lines (my-app)" and done["commit_refused"] is None
    data = DataDir(synced.data)
    assert ask(data, "log", "-1", "--format=%B").strip().splitlines() == [
        "data: add 1 session, 4 lines (my-app)",
        "",
        f"{setting('data_commit_trailer')}: {done['run_id']}",
    ]
    files = ask(data, "ls-files").splitlines()
    assert "raw/my-app/sessions/-work-app/s2.jsonl" in files and ".gitignore" in files
    assert not [path for path in files if path.endswith((".db", "_key", "lock.json"))]


def test_a_commit_is_by_whoever_git_knows_else_by_the_program(data: DataDir, no_settings: Path) -> None:
    made = commit_gain(data, RUN)
    assert (made.sessions, made.lines, made.files) == (1, 2, 1) and made.sha == ask(data, "rev-parse", "HEAD")
    assert ask(data, "log", "-1", "--format=%an <%ae>") == "OPE <ope@localhost>"
    no_settings.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    write(data, LOG, "{}\n{}\n{}\n")
    assert commit_gain(data, RUN).subject == "data: add 1 line (one)"
    assert ask(data, "log", "-1", "--format=%an <%ae> / %cn") == "Ada <ada@example.org> / Ada"


def test_the_run_log_alone_is_no_gain_and_a_deletion_is_not_committed(data: DataDir) -> None:
    commit_gain(data, RUN)
    write(data, "runs/2026-01.jsonl", "{}\n{}\n")
    write(data, "notes.txt", "of the user")
    (data.root / LOG).unlink()
    assert commit_gain(data, RUN).sha is None
    write(data, "raw/one/sessions/t.jsonl", "{}\n")
    made = commit_gain(data, RUN)
    assert made.subject == "data: add 1 session, 1 line (one)" and "1 committed file not there" in made.remarks[0]
    assert LOG in ask(data, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert {f" D {LOG}", "?? notes.txt"} <= set(ask(data, "status", "--short").splitlines())


def test_what_could_not_be_searched_for_secrets_is_committed_and_named(data: DataDir) -> None:
    (data.root / "raw/one/notes.md").write_bytes("a note".encode("utf-16"))
    made = commit_gain(data, RUN)
    assert made.files == 2 and len(made.remarks) == 1
    said = "1 committed file could not be searched for secrets, the first raw/one/notes.md (UTF-16 text"
    assert made.remarks[0].startswith(said) and "redact --check" in made.remarks[0]


def test_bytes_are_committed_as_they_are(data: DataDir, no_settings: Path) -> None:
    no_settings.write_text("[core]\nautocrlf = true\nexcludesFile = ~/ignore\n[status]\nshowUntrackedFiles = no\n")
    (data.root / LOG).write_bytes(b'{"a":1}\r\n{"a":2}\n')
    commit_gain(data, RUN)
    assert run_git(data.root, "cat-file", "blob", f"HEAD:{LOG}").output == b'{"a":1}\r\n{"a":2}\n'


def test_no_hook_no_signature_no_variable_and_no_prompt_takes_part(
    data: DataDir, no_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
        (hooks / name).chmod(0o755)
    no_settings.write_text(f"[core]\nhooksPath = {hooks}\n[commit]\ngpgSign = true\n[gpg]\nprogram = false\n")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    for name, value in {"GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": "x", "GIT_AUTHOR_NAME": "Eve"}.items():
        monkeypatch.setenv(name, value)
    made = commit_gain(data, RUN)
    assert made.sha and ask(data, "log", "-1", "--format=%an") == "OPE"
    assert not (tmp_path / "ran").exists() and not list((other / ".git" / "objects").rglob("??/*"))


def test_a_git_that_waits_is_ended_with_what_it_started(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nsleep 60 & echo $! >'{tmp_path}/pid'\nwait\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git_command, "setting", lambda name: 0.5)
    with pytest.raises(IngestError, match="did not end within"):
        run_git(data.root, "commit")
    time.sleep(0.1)
    state = subprocess.run(["ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text().strip()], capture_output=True)
    assert state.stdout.strip()[:1] in (b"", b"Z")


def test_a_repository_that_shares_a_remote_with_the_program_is_refused(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = tmp_path / "product"
    product.mkdir()
    git(product, "init", "--quiet")
    git(product, "remote", "add", "origin", "git@example.org:team/ope.git")
    monkeypatch.setattr(data_repository, "PRODUCT_ROOT", product)
    addresses = ("https://me:word@Example.org/team/ope", str(product), f"file://{product}/.git", "short:ope")
    git(data.root, "config", "url.ssh://git@example.org/team/.insteadOf", "short:")
    for address in addresses:
        git(data.root, "remote", "add", "backup", address)
        with pytest.raises(IngestError, match="same remote as the program") as caught:
            commit_gain(data, RUN)
        assert "word" not in str(caught.value)
        git(data.root, "remote", "remove", "backup")
    git(data.root, "remote", "add", "backup", "https://example.org/me/my-data")
    assert commit_gain(data, RUN).sha


def test_a_project_of_the_data_directory_itself_would_be_a_loop_and_is_refused(synced: Shell) -> None:
    synced.run("init-data")
    data = DataDir(synced.data)
    head = commit_gain(data, RUN).sha
    assert "is a data directory" in synced.run("add-project", "--repo", str(synced.data), code=1).stderr
    register(data, name="My data", repository=synced.data)  # as earlier versions let one do
    refused = synced.json("sync", "--commit", code=1)
    assert "each commit of the archive would be one more" in refused["commit_refused"]
    assert refused["failed"] is False and refused["commit"] is None and refused["landing"]["commits"]
    assert ask(data, "rev-parse", "HEAD") == head
    synced.run("remove-project", "my-data", "--yes")
    assert commit_gain(data, RUN).sha  # what was archived of it, once
    assert commit_gain(data, RUN).sha is None


def staged(data: DataDir) -> None:
    write(data, "notes.txt", "mine")
    git(data.root, "add", "notes.txt")


def detached(data: DataDir) -> None:
    git(data.root, "checkout", "--quiet", "--detach")


def locked(data: DataDir) -> None:
    (data.root / ".git" / "index.lock").touch()


def merging(data: DataDir) -> None:
    (data.root / ".git" / "MERGE_HEAD").write_text(ask(data, "rev-parse", "HEAD"))


def rebasing(data: DataDir) -> None:
    (data.root / ".git" / "rebase-merge").mkdir()


def gone(data: DataDir) -> None:
    (data.root / ".git").rename(data.root.parent / "gone")


def broken(data: DataDir) -> None:
    (data.root / ".git" / "HEAD").write_text("nonsense")


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (staged, "Something is staged"),
        (detached, "No branch is checked out"),
        (locked, r"index\.lock"),
        (merging, "A merge is not finished"),
        (rebasing, "A rebase is not finished"),
        (gone, "is no git repository"),
        (broken, "git refuses the repository|is no git repository"),
    ],
)
def test_who_is_at_work_in_the_repository_is_left_alone(data: DataDir, happen, said: str) -> None:
    commit_gain(data, RUN)
    head = ask(data, "rev-parse", "HEAD")
    write(data, LOG, "{}\n" * 5)
    happen(data)
    with pytest.raises(IngestError, match=said):
        commit_gain(data, RUN)
    if happen not in (gone, broken):
        assert ask(data, "rev-parse", "HEAD") == head
        assert LOG not in ask(data, "diff", "--cached", "--name-only").splitlines()


def test_inside_another_repository_nothing_is_committed(data: DataDir) -> None:
    gone(data)
    git(data.root.parent, "init", "--quiet")
    with pytest.raises(IngestError, match="inside another repository"):
        commit_gain(data, RUN)


KILLED = """
import os, signal, sys
from pathlib import Path
from ingest.care import data_commit
from ingest.paths import DataDir
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
data_commit._subject = kill
data_commit.commit_gain(DataDir(Path(sys.argv[1])), "run")
"""


def test_a_kill_between_staging_and_commit_stops_no_later_one(data: DataDir) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(data.root)], cwd=PRODUCT_ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert LOG in ask(data, "diff", "--cached", "--name-only").splitlines()
    made = commit_gain(data, RUN)
    assert made.subject == "data: add 1 session, 2 lines (one)" and ask(data, "rev-list", "--count", "HEAD") == "1"
    assert not (data.root / ".git" / data_commit.MARKER).exists()


def test_a_large_archive_is_committed_with_a_warning_and_one_out_of_git_without(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_commit, "MEGABYTE", 1)
    write(data, LOG, "{}\n" * 50)
    assert commit_gain(data, RUN).remarks == []
    write(data, LOG, "{}\n" * 200)
    made = commit_gain(data, RUN)
    assert made.sha and "more than the 200 MB" in made.remarks[0] and "raw/one/" in made.remarks[0]
    with (data.root / ".gitignore").open("a") as file:
        file.write("raw/two/\n/processed/\n")
    write(data, "raw/two/sessions/x.jsonl", "{}\n" * 100)
    write(data, "processed/two/git-metadata.json", "{}\n")
    assert commit_gain(data, RUN).sha is None
    write(data, "validation/one/reaction.a.csv", "uuid,label\n")
    assert commit_gain(data, RUN).subject == "data: add 1 file (one)"


def test_our_hook_names_no_session_in_a_data_directory(tmp_path: Path) -> None:
    work = HookWork(tmp_path / "data", tmp_path / "home")
    work.run_session()
    from ingest.hooks.install import install

    install(work.path)
    work.commit("before")
    assert work.ids() == [SESSION]
    data_repository.mark_as_data(work.path)
    work.commit("of the archive")
    assert work.ids() == []
