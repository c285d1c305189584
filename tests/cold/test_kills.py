"""A move may end at any instant: nothing is lost, and the same command, or a sync, finishes it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.cold import journal
from ingest.cold.journal import settle
from ingest.cold.lines import stored_lines
from ingest.cold.part import read_parts
from ingest.cold.places import JOURNAL
from ingest.errors import IngestError
from tests.cold.cold_place import PROJECT, ColdPlace
from tests.ingest.test_archive_kills import Death

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_waiting")]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def contents(place: ColdPlace) -> dict[str, set[str]]:
    """Path → SHA-256 of every whole copy that there is, in the archive or in Parquet that a part names."""
    found: dict[str, set[str]] = {}
    for path, content in place.raw().items():
        found.setdefault(path, set()).add(hashlib.sha256(content).hexdigest())
    for part in read_parts(place.data):
        bytes_of: dict[str, bytes] = {entry.path: b"" for entry in part.files}
        for path, content in stored_lines(place.data.archived, part.lines.path):
            bytes_of[path] += content
        for path, content in bytes_of.items():
            found.setdefault(path, set()).add(hashlib.sha256(content).hexdigest())
    return found


def killed_everywhere(
    start: ColdPlace, root: Path, share: float, work: Callable[[ColdPlace], object], check: Callable[[ColdPlace], None]
) -> int:
    """Run `work` on copies, killed at each call that changes the disk; run it again and `check`. How many kills."""
    hashes = {path: entry.content_hash for path, entry in start.entries().items()}
    point = 0
    while True:
        place = start.copy(root / str(point))
        with Death(point, share) as death:
            work(place)
        copies = contents(place)
        lost = [path for path, digest in hashes.items() if digest not in copies.get(path, set())]
        assert lost == [], f"killed at call {point}"
        cold = {(path, entry.cold) for path, entry in place.entries().items() if entry.cold}
        named = {(entry.path, part.part_id) for part in read_parts(place.data) for entry in part.files}
        assert cold <= named, f"killed at call {point}: cold without a part"
        work(place)
        check(place)
        assert not (place.data.archived / JOURNAL).exists()
        assert not list(place.data.root.rglob(".scratch"))
        if place.data.database.exists():
            shutil.rmtree(place.root)
        if not death.is_dead:
            return point
        point += 1


def begun(place: ColdPlace, monkeypatch: pytest.MonkeyPatch, work: Callable[[ColdPlace], object]) -> ColdPlace:
    """The place with everything of a move written aside, verified and noted down, and nothing of it done."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(journal, "_place", stop)
        work(place)
    assert (place.data.archived / JOURNAL).exists()
    place.data.database.unlink()  # what has begun needs no database, and copies are quicker without
    return place


def is_archived(before: dict[str, bytes]) -> Callable[[ColdPlace], None]:
    """Is `old` in cold storage, and the rest of `before` in the archive?"""

    def check(place: ColdPlace) -> None:
        assert place.cold_roots() == {"old"}
        assert set(before) - set(place.raw()) == {path for path, entry in place.entries().items() if entry.cold}
        assert len(read_parts(place.data)) == 1 and len(place.parquet()) == 3

    return check


def is_restored(before: dict[str, bytes]) -> Callable[[ColdPlace], None]:
    """Is `lone` alone in cold storage, in a part of its own, and the rest of `before` in the archive?"""

    def check(place: ColdPlace) -> None:
        assert place.cold_roots() == {"lone"}
        assert place.raw() == {path: content for path, content in before.items() if "lone" not in path}
        [part] = read_parts(place.data)
        assert [one.root_session_id for one in part.sessions] == ["lone"] and len(place.parquet()) == 3

    return check


def test_archiving_killed_once_it_began(prepared: ColdPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = begun(prepared.copy(tmp_path / "start"), monkeypatch, lambda place: place.archive("old"))
    check = is_archived(prepared.raw())
    assert killed_everywhere(start, tmp_path, 1.0, lambda place: settle(place.data), check) > 25


def test_restoring_killed_once_it_began(prepared: ColdPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = prepared.copy(tmp_path / "start")
    start.archive("old", "lone")
    begun(start, monkeypatch, lambda place: place.restore("old"))
    check = is_restored(prepared.raw())
    assert killed_everywhere(start, tmp_path, 0.5, lambda place: settle(place.data), check) > 25
    place = start.copy(tmp_path / "whole")
    place.restore("lone")
    assert place.raw() == prepared.raw()


@pytest.mark.long
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_archiving_killed_at_any_call(prepared: ColdPlace, tmp_path: Path, share: float) -> None:
    check = is_archived(prepared.raw())
    assert killed_everywhere(prepared, tmp_path, share, lambda place: place.archive("old"), check) > 50


@pytest.mark.long
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_restoring_killed_at_any_call(prepared: ColdPlace, tmp_path: Path, share: float) -> None:
    start = prepared.copy(tmp_path / "start")
    start.archive("old", "lone")
    check = is_restored(prepared.raw())
    assert killed_everywhere(start, tmp_path, share, lambda place: place.restore("old"), check) > 50


@pytest.mark.parametrize("point", ["begun", "placed", "noted"])
def test_a_real_kill_is_finished_by_the_next_sync(place: ColdPlace, point: str) -> None:
    before = place.raw()
    child = os.fork()
    if child == 0:
        die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
        setattr(journal, {"begun": "_place", "placed": "_note", "noted": "remove_below"}[point], die)
        try:
            place.archive("old")
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert (place.data.archived / JOURNAL).exists() and place.raw() == before
    place.sync()
    assert place.cold_roots() == {"old"} and "old" not in place.landed()
    place.restore("old")
    assert place.raw() == before


def test_nothing_is_deleted_for_parquet_that_is_no_longer_there(place: ColdPlace, monkeypatch) -> None:
    """The disk lost what was verified, between the verification and the end of the move."""
    before = place.raw()

    def lose(data, move):
        shutil.rmtree(data.archived / ".scratch")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(journal, "_place", lose)
        place.archive("old")
    with pytest.raises(IngestError, match="is not what was verified, so nothing was deleted"):
        place.archive("old")
    done = place.sync()
    assert "is not what was verified" in done.projects[0].failures[0] and done.failed
    assert place.raw() == before and place.cold_roots() == set()
    (place.data.archived / JOURNAL).unlink()
    place.night()
    place.archive("old")
    assert place.cold_roots() == {"old"}


def test_a_full_disk_leaves_everything_as_it_was(place: ColdPlace, monkeypatch) -> None:
    before, entries = place.raw(), place.entries()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(IngestError, match="the disk is full"):
        patched.setattr("ingest.cold.writing.write_lines", full)
        place.archive("old")
    assert (place.raw(), place.entries(), place.parquet()) == (before, entries, [])


def test_a_path_that_leaves_the_archive_is_never_touched(place: ColdPlace) -> None:
    outside = place.data.root / "outside.jsonl"
    outside.write_bytes(b"mine")
    manifest = place.data.manifest(PROJECT)
    line = manifest.read_bytes().splitlines()[0].replace(b"sessions/source/fork-a.jsonl", b"../../outside.jsonl")
    manifest.write_bytes(manifest.read_bytes() + line + b"\n")
    place.archive("old", "lone", "fork-a", "fork-b")
    assert outside.read_bytes() == b"mine"
