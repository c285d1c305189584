"""An archive run may end at any moment: killed, interrupted, or on a full disk."""

from __future__ import annotations

import os
import signal

import pytest

from ingest import archive, archive_copy, archive_repair, archive_text, files, manifest
from ingest.errors import IngestError
from tests.ingest.archive_place import OLD, Place, counts, lines

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


class Killed(BaseException):
    """As sudden as SIGKILL: nothing in the product catches it."""


def _scene(place: Place) -> None:
    """One of everything: new, grown, rewritten, tails, texts."""
    place.write("grown.jsonl", lines(1, 2))
    place.write("rewritten.jsonl", lines(1, 2))
    place.write("tail.jsonl", lines(1) + b'{"n": 2}')
    place.write("x/tool-results/text.txt", b"one\n")
    place.write("damaged.jsonl", lines(1, 2))
    place.sync()
    os.truncate(place.path("damaged.jsonl"), 4)
    place.write("grown.jsonl", lines(*range(1, 60)), at=OLD + 5)
    place.write("rewritten.jsonl", lines(5, 6, 7), at=OLD + 5)
    place.write("tail.jsonl", lines(1, 2, 3), at=OLD + 5)
    place.write("x/tool-results/text.txt", b"one\ntwo", at=OLD + 5)
    place.write("new.jsonl", b'{"s": "SECRET"}\n' + lines(1, 2), at=OLD + 5)
    place.write("x/tool-results/new.txt", b"SECRET", at=OLD + 5)


_EXPECTED = {
    "damaged.jsonl": lines(1, 2),
    "grown.jsonl": lines(*range(1, 60)),
    "rewritten.jsonl": lines(1, 2),
    "rewritten.v2.jsonl": lines(5, 6, 7),
    "tail.jsonl": lines(1, 2, 3),
    "x/tool-results/text.txt": b"one\ntwo",
    "new.jsonl": b'{"s": "[REDACTED]"}\n' + lines(1, 2),
    "x/tool-results/new.txt": b"[REDACTED]",
}


def _assert_whole(place: Place) -> None:
    assert {name: place.read(name) for name in place.entries()} == _EXPECTED
    assert place.sync().unchanged == 7
    place.check()


class Death:
    """Ends the process, as far as the disk can see, at one call: nothing that comes after it has any effect."""

    CALLS = ("write", "fsync", "ftruncate", "replace", "mkdir", "unlink", "rmdir", "open")

    def __init__(self, point: int, share: float):
        self.left, self.share, self.is_dead = point, share, False

    def __enter__(self):
        self.patch = pytest.MonkeyPatch()
        for name in self.CALLS:
            self.patch.setattr(os, name, self.deadly(name, getattr(os, name)))
        return self

    def __exit__(self, kind, *_):
        self.patch.undo()
        return kind is Killed

    def deadly(self, name, real):
        def call(*arguments, **options):
            if self.is_dead:
                raise Killed
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **options)
            if self.left > 0:
                self.left -= 1
                return real(*arguments, **options)
            self.is_dead = True
            if name == "write":
                real(arguments[0], bytes(arguments[1])[: int(len(arguments[1]) * self.share)])
            elif self.share == 1.0:
                real(*arguments, **options)
            raise Killed

        return call


@pytest.mark.parametrize("commit_files", [1, 500])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_killed_at_any_call_the_same_command_goes_on(tmp_path, monkeypatch, share, commit_files):
    """Killed before, within and after each call that changes the disk, with commits after each file or at the end."""
    monkeypatch.setattr(archive_copy, "CHUNK_BYTES", 100)
    monkeypatch.setattr(archive, "COMMIT_FILES", commit_files)
    point, is_over = 0, False
    while not is_over:
        place = Place(tmp_path / str(point))
        _scene(place)
        with Death(point, share) as death:
            place.sync()
        is_over = not death.is_dead
        place.sync()
        _assert_whole(place)
        point += 1
    assert point > 30


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_very_first_run_may_be_killed_too(tmp_path, share):
    point, is_over = 0, False
    while not is_over:
        place = Place(tmp_path / str(point))
        place.write("a.jsonl", lines(1, 2))
        place.write("x/tool-results/t.txt", b"text")
        (tmp_path / str(point) / "data").mkdir()
        (tmp_path / str(point) / "data" / ".redaction_key").write_text("ab" * 32)
        with Death(point, share) as death:
            place.sync()
        is_over = not death.is_dead
        assert place.sync().problems == []
        assert {name: place.read(name) for name in place.entries()} == {
            "a.jsonl": lines(1, 2),
            "x/tool-results/t.txt": b"text",
        }
        place.check()
        point += 1
    assert point > 10


@pytest.mark.parametrize("point", [0, 3, 6])
def test_a_real_kill(place, point):
    _scene(place)
    child = os.fork()
    if child == 0:
        left = point
        write_all = files.write_all

        def deadly(descriptor, data):
            nonlocal left
            if left == 0:
                os.write(descriptor, bytes(data)[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            write_all(descriptor, data)

        archive_copy.write_all = archive_text.write_all = manifest.write_all = deadly
        try:
            place.sync()
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    place.sync()
    _assert_whole(place)


def test_killed_while_copying_and_then_the_source_is_gone(place, monkeypatch):
    """What had arrived is kept up to its last whole line; the source's return doubles nothing in the same file."""
    path = place.write("s.jsonl", lines(1))
    place.sync()
    with place.path("s.jsonl").open("ab") as file:
        file.write(lines(2) + b'{"n": 3')
    path.unlink()
    result = place.sync()
    assert [problem.reason for problem in result.problems] == [archive_repair.SALVAGED]
    assert place.read("s.jsonl") == lines(1, 2)
    place.check()
    assert place.sync().problems == []
    place.write("s.jsonl", lines(1, 2, 3), at=OLD + 5)
    place.sync()
    assert (place.read("s.jsonl"), place.read("s.v2.jsonl")) == (lines(1, 2), lines(1, 2, 3))
    place.check()


def test_a_full_disk_is_one_sentence_and_what_is_finished_counts(place, monkeypatch):
    place.write("a.jsonl", lines(1))
    place.write("b.jsonl", lines(*range(100)))
    write_all = archive_copy.write_all
    is_full = True

    def full(descriptor, data):
        if is_full and len(data) > 100:
            write_all(descriptor, bytes(data)[:30])
            raise OSError(28, "No space left on device")
        write_all(descriptor, data)

    monkeypatch.setattr(archive_copy, "write_all", full)
    with pytest.raises(IngestError, match="the disk is full: free some space"):
        place.sync()
    assert list(place.entries()) == ["a.jsonl"] and place.read("a.jsonl") == lines(1)
    assert place.read("b.jsonl") == b""
    is_full = False
    assert counts(place.sync()) == (1, 0, 0, 1, 0)
    assert place.read("b.jsonl") == lines(*range(100))
    place.check()


def test_an_interrupt_within_the_commit_leaves_whole_lines(place, monkeypatch):
    place.write("a.jsonl", lines(1))
    place.write("b.jsonl", lines(2))
    write_all, left = manifest.write_all, 1

    def interrupted(descriptor, data):
        nonlocal left
        if left:
            left -= 1
            write_all(descriptor, bytes(data)[: len(data) // 3])
            raise KeyboardInterrupt
        write_all(descriptor, data)

    monkeypatch.setattr(manifest, "write_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place.sync()
    assert sorted(place.entries()) == ["a.jsonl", "b.jsonl"]
    assert counts(place.sync()) == (0, 0, 0, 2, 0)
    place.check()


def test_a_second_run_at_the_same_time_is_refused(place):
    place.write("s.jsonl", lines(1))
    place.sync()
    with (
        files.exclusive_lock(place.data.raw("p"), "x"),
        pytest.raises(IngestError, match="Another command is using the archive of 'p'"),
    ):
        place.sync()
