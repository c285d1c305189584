"""Projects that are left out: the note with the reason, what sync does, and how they come back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.exclusion import exclude_project, include_project
from ingest.files import exclusive_lock
from ingest.paths import DataDir
from ingest.registry import get_project
from ingest.runlog import now
from tests.ingest.shell import Shell

OWN = "My own words\r\nwithout an end of line, and \udcff a bad byte"


def test_the_note_says_why_and_when(data: DataDir) -> None:
    done = exclude_project(data, "one", "  Half of its sessions\nwere never archived  ")
    path = data.notes("one")
    assert (done.status, done.changed, done.notes_path) == ("excluded", True, str(path))
    assert get_project(data, "one").status == "excluded"
    assert path.read_text() == (
        f"# Notes on One\n\n## Excluded on {now():%Y-%m-%d}\n\nHalf of its sessions\nwere never archived\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_person_wrote_is_kept_byte_for_byte(data: DataDir) -> None:
    path = data.notes("one")
    path.parent.mkdir(parents=True)
    own = OWN.encode("utf-8", "surrogateescape")
    path.write_bytes(own)
    exclude_project(data, "one", "first")
    assert not exclude_project(data, "one", "second").changed
    include_project(data, "one")
    content = path.read_bytes()
    assert content.startswith(own + b"\n\n## Excluded on ")
    assert content.index(b"first\n\n## Excluded") < content.index(b"second\n\n## Included again on ")
    assert not include_project(data, "one").changed and path.read_bytes() == content


def test_a_link_is_followed_and_not_replaced(data: DataDir, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.md"
    real.write_text("mine\n")
    path = data.notes("one")
    path.parent.mkdir(parents=True)
    path.symlink_to(real)
    exclude_project(data, "one", "why")
    assert path.is_symlink() and real.read_text().startswith("mine\n\n## Excluded")


def test_secrets_are_not_noted(data: DataDir) -> None:
    secret = "AKIA" + "QYLPMN5HFZ3TXWVB"
    exclude_project(data, "one", f"its key {secret} and https://ada:hunter@example.org/x leaked")
    text = data.notes("one").read_text()
    assert secret not in text and "[REDACTED:" in text and "hunter" not in text


def test_what_cannot_be_done_is_said_and_changes_nothing(data: DataDir) -> None:
    for call, said in (
        (lambda: exclude_project(data, "two", "x"), "No project 'two'"),
        (lambda: include_project(data, "two"), "No project 'two'"),
        (lambda: exclude_project(data, "one", " \n"), "give --reason TEXT"),
    ):
        with pytest.raises(IngestError, match=said):
            call()
    data.notes("one").mkdir(parents=True)
    with pytest.raises(IngestError, match=r"NOTES.md cannot be read"):
        exclude_project(data, "one", "x")
    with exclusive_lock(data.runs, "a test"), pytest.raises(IngestError, match="Another command"):
        exclude_project(data, "one", "x")
    assert get_project(data, "one").status == "completed"


def test_sync_leaves_it_alone_and_takes_it_back(synced: Shell, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "s9.jsonl").write_text('{"type":"user"}\n')
    os.utime(other / "s9.jsonl", (1, 1))
    synced.run("add-project", "--name", "Other", "--sessions", str(other))
    shown = synced.run("exclude-project", "my-app", "--reason", "not ours").stdout
    assert "my-app is excluded; notes: " in shown and "→ python -m ingest sync" in shown
    synced.write_session("s1", count=9)

    assert [item["project_id"] for item in synced.json("sync")["projects"]] == ["other"]
    assert synced.ask("select distinct project_id from raw.session_files") == [("other",)]
    assert synced.ask("select count(*) from raw.commits") == [(0,)]
    for _ in range(2):
        entries = synced.ask("select project_id, status from raw.projects order by 1")
        assert entries == [("my-app", "excluded"), ("other", "completed")]
        synced.run("sync")
    assert synced.json("status")["projects"][0]["waiting_files"] == 0
    named = synced.run("sync", "my-app", code=1).stderr
    assert "is excluded" in named and "NOTES.md says why" in named and "--undo" in named
    assert synced.json("add-project", "--name", "My App", "--notes", "n")["project"]["status"] == "excluded"

    assert "included (pending_processing)" in synced.run("exclude-project", "my-app", "--undo").stdout
    assert "already included" in synced.run("exclude-project", "my-app", "--undo").stdout
    synced.run("sync")
    assert synced.ask("select sum(lines) from raw.session_files where project_id = 'my-app'") == [(9,)]
    assert synced.json("projects")[0]["status"] == "completed"


def test_with_every_project_excluded_sync_still_takes_the_rows_out(synced: Shell) -> None:
    assert synced.json("exclude-project", "my-app", "--reason", "x")["status"] == "excluded"
    assert synced.json("sync")["projects"] == []
    assert synced.ask("select count(*) from raw.session_lines") == [(0,)]
    assert (synced.data / "raw" / "my-app" / "manifest.jsonl").exists()
    assert synced.json("exclude-project", "my-app", "--reason", "y")["changed"] is False
