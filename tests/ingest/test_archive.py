"""The archive: append-only, redacted, complete, and safe to kill at any moment."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ingest import archive, archive_copy, archive_file, archive_repair, archive_text, files, manifest
from ingest.archive import ArchiveResult, archive_project, read_manifest
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.registry import Project

NOW = 1_800_000_000.0
OLD = NOW - 90_000  # more than a day ago
RECENT = NOW - 60
QUIET = NOW - 700  # more than ten minutes ago


@dataclass(frozen=True)
class Hit:
    line_number: int
    rule_id: str
    token: str


class FakeRedactor:
    """Replaces SECRET (and, in texts, everything from OPEN to CLOSE over lines) and notes what it was given."""

    rules_version = "r1"

    def __init__(self):
        self.seen = []

    def redact_jsonl(self, data):
        assert data.endswith(b"\n")
        self.seen.append(("jsonl", data))
        return data.replace(b"SECRET", b"[REDACTED]"), [Hit(1, "secret", "t")] * data.count(b"SECRET")

    def redact_text_bytes(self, data):
        self.seen.append(("text", data))
        start, end = data.find(b"OPEN"), data.find(b"CLOSE")
        if 0 <= start < end:
            data = data[:start] + b"[CUT]" + b"\n" * data.count(b"\n", start, end) + data[end + 5 :]
        return data.replace(b"SECRET", b"[REDACTED]"), [Hit(1, "secret", "t")] * data.count(b"SECRET")

    def redact_text(self, text):
        return text.replace("SECRET", "[REDACTED]")


class Place:
    """A data directory, one source directory, and a run counter."""

    def __init__(self, root: Path):
        self.data = DataDir(root / "data")
        self.source = root / "claude" / "-home-me-repo"
        self.source.mkdir(parents=True)
        self.redactor = FakeRedactor()
        self.directories = [self.source]
        self.runs = 0

    @property
    def project(self) -> Project:
        paths = tuple(str(path) for path in self.directories)
        return Project("p", "P", None, (), paths, None, "pending_processing", "2026-01-01T00:00:00Z", None, "", None)

    def write(self, name: str, content: bytes, at: float = OLD) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at, at))
        return path

    def sync(self, now: float = NOW, **options) -> ArchiveResult:
        self.runs += 1
        return archive_project(self.data, self.project, self.redactor, f"run-{self.runs}", now=now, **options)

    def path(self, name: str) -> Path:
        return self.data.sessions("p") / "-home-me-repo" / name

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def entries(self) -> dict[str, manifest.ManifestEntry]:
        prefix = "sessions/-home-me-repo/"
        return {path.removeprefix(prefix): entry for path, entry in read_manifest(self.data.manifest("p")).items()}

    def check(self) -> None:
        """Every archived file is exactly what its entry says."""
        on_disk = {path for path in self.data.sessions("p").rglob("*") if path.is_file()}
        entries = read_manifest(self.data.manifest("p"))
        assert on_disk == {self.data.raw("p") / path for path in entries}
        for path, entry in entries.items():
            content = (self.data.raw("p") / path).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.archived_bytes, entry.content_hash)
            assert content.count(b"\n") + (content[-1:] not in (b"", b"\n")) == entry.archived_lines
        assert not (self.data.raw("p") / archive.SCRATCH).exists()


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """`fsync` matters when the power fails, which no test can show; it only makes these slow."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


def counts(result: ArchiveResult) -> tuple[int, int, int, int, int]:
    return result.new, result.grown, result.rewritten, result.unchanged, result.vanished


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"n": %d}\n' % number for number in numbers)


# The way of a file


def test_a_new_file_is_copied_redacted_private_and_described(place):
    place.write("s.jsonl", b'{"a": "SECRET SECRET"}\n{"b": 1}\n')
    result = place.sync()
    archived = b'{"a": "[REDACTED] [REDACTED]"}\n{"b": 1}\n'
    assert place.read("s.jsonl") == archived
    assert counts(result) == (1, 0, 0, 0, 0) and result.problems == []
    assert (result.source_bytes_read, result.archived_bytes, result.archived_lines) == (32, len(archived), 2)
    assert result.redactions == {"secret": 2}
    entry = place.entries()["s.jsonl"]
    assert (entry.kind, entry.agent, entry.session_id, entry.version) == ("transcript", "claude-code", "s", 1)
    assert entry.source == str(place.source / "s.jsonl")
    assert (entry.consumed_bytes, entry.source_size, entry.pending_bytes, entry.tail_taken) == (32, 32, 0, False)
    assert (entry.first_run_id, entry.last_run_id, entry.rules_version) == ("run-1", "run-1", "r1")
    assert entry.content_hash == hashlib.sha256(archived).hexdigest()
    assert entry.source_hash != hashlib.sha256((place.source / "s.jsonl").read_bytes()).hexdigest()
    place.check()
    for path in [place.data.raw("p"), *place.data.raw("p").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_modes_do_not_depend_on_the_umask(place):
    place.write("s.jsonl", lines(1))
    old = os.umask(0)
    try:
        place.sync()
    finally:
        os.umask(old)
    for path in place.data.raw("p").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_nothing_new_opens_nothing(place, monkeypatch):
    place.write("s.jsonl", lines(1))
    place.write("empty.jsonl", b"")
    place.write("s/tool-results/r.txt", b"text without an end")
    place.sync()
    before = place.data.manifest("p").read_bytes()
    place.redactor.seen.clear()

    def refuse(path):
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(archive_file, "open_regular", refuse)
    result = place.sync()
    assert counts(result) == (0, 0, 0, 3, 0) and result.source_bytes_read == result.archived_bytes == 0
    assert place.redactor.seen == [] and place.data.manifest("p").read_bytes() == before


def test_a_grown_file_is_continued_with_its_new_lines_only(place):
    path = place.write("s.jsonl", lines(1, 2))
    place.sync()
    inode = place.path("s.jsonl").stat().st_ino
    place.redactor.seen.clear()
    place.write("s.jsonl", lines(1, 2, 3), at=OLD + 5)
    result = place.sync()
    assert counts(result) == (0, 1, 0, 0, 0)
    assert place.redactor.seen == [("jsonl", lines(3))]
    assert (result.source_bytes_read, result.archived_lines) == (len(lines(3)), 1)
    assert place.read("s.jsonl") == path.read_bytes() and place.path("s.jsonl").stat().st_ino == inode
    entry = place.entries()["s.jsonl"]
    assert (entry.first_run_id, entry.last_run_id, entry.version) == ("run-1", "run-2", 1)
    place.check()


def test_an_older_rule_set_stays_named_until_the_file_is_redacted_again(place):
    place.write("s.jsonl", lines(1))
    place.sync()
    place.redactor.rules_version = "r2"
    place.write("s.jsonl", lines(1, 2), at=OLD + 5)
    place.write("t.jsonl", lines(1))
    place.sync()
    assert {name: entry.rules_version for name, entry in place.entries().items()} == {"s.jsonl": "r1", "t.jsonl": "r2"}


@pytest.mark.parametrize("at", [OLD + 5, OLD - 5_000, NOW + 5_000])
def test_touched_but_the_same(place, at):
    place.write("s.jsonl", lines(1))
    place.sync()
    before = place.entries()["s.jsonl"]
    os.utime(place.source / "s.jsonl", (at, at))
    result = place.sync()
    assert counts(result) == (0, 0, 0, 1, 0) and result.archived_bytes == 0
    after = place.entries()["s.jsonl"]
    assert after.source_mtime_ns == int(at) * 10**9
    assert replace(after, source_mtime_ns=0, last_run_id="") == replace(before, source_mtime_ns=0, last_run_id="")
    place.check()


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (lines(9, 2, 3), OLD + 5),  # same beginning of the name, other content, longer
        (lines(2, 1), OLD + 5),  # same size
        (lines(2, 1), OLD - 5_000),  # same size, clock set back
        (lines(1), OLD + 5),  # shorter, a true prefix
        (b"", OLD + 5),
    ],
)
def test_a_rewritten_source_becomes_a_version_and_the_old_one_stays(place, content, at):
    place.write("s.jsonl", lines(1, 2))
    place.sync()
    place.write("s.jsonl", content, at=at)
    result = place.sync()
    assert counts(result) == (0, 0, 1, 0, 0)
    assert place.read("s.jsonl") == lines(1, 2) and place.read("s.v2.jsonl") == content
    entry = place.entries()["s.v2.jsonl"]
    assert (entry.version, entry.session_id, entry.first_run_id) == (2, "s", "run-2")
    assert place.entries()["s.jsonl"].last_run_id == "run-1"
    place.check()
    assert counts(place.sync()) == (0, 0, 0, 1, 0)
    place.write("s.jsonl", content + lines(7), at=at + 1)
    assert counts(place.sync()) == (0, 1, 0, 0, 0)
    assert place.read("s.v2.jsonl") == content + lines(7)
    place.write("s.jsonl", lines(8, 8), at=at + 2)
    place.sync()
    assert sorted(place.entries()) == ["s.jsonl", "s.v2.jsonl", "s.v3.jsonl"]
    place.check()


def test_a_source_that_is_called_like_a_version(place):
    place.write("s.jsonl", lines(1))
    place.write("s.v2.jsonl", lines(2))
    place.sync()
    place.write("s.jsonl", lines(3), at=OLD + 5)
    place.sync()
    place.write("s.v2.jsonl", lines(4), at=OLD + 5)
    place.sync()
    found = {name: (entry.session_id, place.read(name)) for name, entry in place.entries().items()}
    assert found == {
        "s.jsonl": ("s", lines(1)),
        "s.v2.jsonl": ("s.v2", lines(2)),
        "s.v3.jsonl": ("s", lines(3)),
        "s.v2.v2.jsonl": ("s.v2", lines(4)),
    }
    assert counts(place.sync()) == (0, 0, 0, 2, 0)


def test_a_vanished_source_stays_archived_and_is_counted(place):
    path = place.write("s.jsonl", lines(1))
    place.write("t.jsonl", lines(1))
    place.sync()
    path.unlink()
    result = place.sync()
    assert counts(result) == (0, 0, 0, 1, 1) and result.problems == []
    assert place.read("s.jsonl") == lines(1)
    place.write("s.jsonl", lines(1, 2), at=OLD + 5)
    assert counts(place.sync()) == (0, 1, 0, 1, 0)
    place.check()


def test_a_missing_session_directory_is_a_problem_and_its_archive_stays(place):
    place.write("s.jsonl", lines(1))
    place.sync()
    place.source.rename(place.source.with_name("away"))
    result = place.sync()
    assert counts(result) == (0, 0, 0, 0, 1)
    assert [problem.reason for problem in result.problems] == ["session directory is missing"]
    place.check()


def test_empty_files_are_counted(place):
    place.write("s.jsonl", b"")
    result = place.sync()
    assert (result.new, result.archived_lines, place.entries()["s.jsonl"].archived_lines) == (1, 0, 0)
    assert place.read("s.jsonl") == b""
    place.write("s.jsonl", lines(1), at=OLD + 5)
    assert counts(place.sync()) == (0, 1, 0, 0, 0)
    place.check()


# Tails


def test_a_complete_tail_is_taken_after_ten_quiet_minutes(place):
    place.write("s.jsonl", lines(1) + b'{"n": 2}', at=RECENT)
    result = place.sync()
    assert (result.pending_files, result.pending_bytes) == (1, 8)
    assert place.read("s.jsonl") == lines(1) and place.entries()["s.jsonl"].pending_bytes == 8
    assert counts(place.sync()) == (0, 0, 0, 1, 0)
    result = place.sync(now=RECENT + 601)
    assert counts(result) == (0, 1, 0, 0, 0) and result.pending_bytes == 0
    assert place.read("s.jsonl") == lines(1, 2)
    entry = place.entries()["s.jsonl"]
    assert (entry.tail_taken, entry.pending_bytes, entry.archived_lines) == (True, 0, 2)
    assert entry.archived_bytes == entry.consumed_bytes + 1
    place.check()
    assert counts(place.sync(now=RECENT + 700)) == (0, 0, 0, 1, 0)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_taken_tail_that_is_continued_leaves_no_empty_line(place, newline):
    place.write("s.jsonl", lines(1) + b'{"n": 2}', at=QUIET)
    place.sync()
    for number, more in enumerate((newline, newline + lines(3), newline + lines(3) + b'{"n": 4}')):
        place.write("s.jsonl", lines(1) + b'{"n": 2}' + more, at=QUIET + number + 1)
        place.sync(now=NOW + 5)
    assert place.read("s.jsonl") == lines(1, 2, 3, 4)
    assert place.entries()["s.jsonl"].tail_taken
    place.check()


def test_the_newline_alone_ends_a_taken_tail(place):
    place.write("s.jsonl", b'{"n": 1}', at=QUIET)
    place.sync()
    place.write("s.jsonl", lines(1), at=QUIET + 1)
    result = place.sync()
    entry = place.entries()["s.jsonl"]
    assert (result.archived_bytes, entry.tail_taken, entry.consumed_bytes) == (0, False, 9)
    place.write("s.jsonl", lines(1) + b"\n" + lines(2), at=QUIET + 2)
    place.sync()
    assert place.read("s.jsonl") == lines(1) + b"\n" + lines(2)  # this empty line is the source's own
    place.check()


def test_an_incomplete_tail_is_taken_as_it_is_after_a_day(place):
    place.write("s.jsonl", lines(1) + b'{"n": ', at=QUIET)
    assert place.sync().pending_bytes == 6
    assert place.sync(now=QUIET + 86_399).pending_bytes == 6
    assert place.read("s.jsonl") == lines(1)
    assert place.sync(now=QUIET + 86_401).pending_bytes == 0
    assert place.read("s.jsonl") == lines(1) + b'{"n": \n'
    place.write("s.jsonl", lines(1) + b'{"n": 2}\n' + lines(3), at=QUIET + 86_402)
    place.sync(now=QUIET + 86_500)
    assert place.read("s.jsonl") == lines(1) + b'{"n": \n2}\n' + lines(3)
    place.check()


@pytest.mark.parametrize(
    "tail", [b"12", b'"x"', b"tru", b"true", b'{"a": 1}x', b"{" * 100_000, b'{"a": "\xff"}', b"  "]
)
def test_what_is_no_complete_record_is_not_taken_early(place, tail):
    place.write("s.jsonl", tail, at=QUIET)
    assert place.sync().pending_bytes == len(tail)
    assert place.read("s.jsonl") == b"" and place.entries()["s.jsonl"].archived_lines == 0


@pytest.mark.parametrize("ahead", [300.0, 30 * 86_400.0])
def test_a_time_in_the_future_does_not_block_a_tail_for_ever(place, ahead):
    path = place.write("s.jsonl", b'{"n": 1}')
    changed_at = path.stat().st_ctime
    os.utime(path, (changed_at + ahead, changed_at + ahead))
    changed_at = path.stat().st_ctime
    assert place.sync(now=changed_at + 10).pending_bytes == 8
    assert place.sync(now=changed_at + 601 + ahead * (ahead < 600)).pending_bytes == 0
    assert place.read("s.jsonl") == lines(1)


def test_a_clock_that_was_set_back_does_not_block_a_tail_for_ever(place):
    path = place.write("s.jsonl", b'{"n": 1}')
    changed_at = path.stat().st_ctime
    os.utime(path, (changed_at + 5, changed_at + 5))
    assert place.sync(now=changed_at - 3_600).pending_bytes == 8  # an hour of skew passes by itself
    assert place.sync(now=changed_at - 5 * 86_400).pending_bytes == 0


def test_tail_times_are_arguments(place):
    place.write("s.jsonl", b'{"n": 1}', at=RECENT)
    place.write("t.jsonl", b'{"n', at=RECENT)
    place.sync(tail_quiet_seconds=30, tail_give_up_seconds=50)
    assert (place.read("s.jsonl"), place.read("t.jsonl")) == (lines(1), b'{"n\n')
    assert (archive_copy.TAIL_QUIET_SECONDS, archive_copy.TAIL_GIVE_UP_SECONDS) == (600, 86_400)


def test_a_tail_that_vanishes_with_its_source_is_reported_once(place):
    path = place.write("s.jsonl", lines(1) + b'{"n', at=RECENT)
    place.sync()
    path.unlink()
    result = place.sync()
    assert [problem.reason for problem in result.problems] == [archive_repair.TAIL_LOST]
    assert result.pending_bytes == 0 and place.entries()["s.jsonl"].problem == archive_repair.TAIL_LOST
    assert place.sync().problems == []
    assert place.read("s.jsonl") == lines(1)


def test_any_split_over_any_number_of_nights_gives_the_same_archive(place):
    whole = lines(*range(20)) + b'{"s": "SECRET"}\n' + b'{"last": true}'
    for cut in range(0, len(whole) + 1, 7):
        place.write("s.jsonl", whole[:cut], at=RECENT + cut / 100)
        place.sync()
    place.write("s.jsonl", whole, at=RECENT + 50)
    place.sync(now=NOW + 10_000)
    assert place.read("s.jsonl") == lines(*range(20)) + b'{"s": "[REDACTED]"}\n{"last": true}\n'
    assert len(place.entries()) == 1
    place.check()


# Sidecars


def test_sidecars_go_along(place):
    place.write("s/subagents/agent-a.jsonl", lines(1))
    place.write("s/subagents/agent-a.meta.json", b'{"agentType": "SECRET"}')
    place.write("s/tool-results/r.txt", b"one OPEN\ntwo\nCLOSE three SECRET", at=QUIET)
    place.write("s/tool-results/multi.json", b'{\n"a": 1}\n')
    place.write("s/tool-results/binary.bin", b"\x00\xff\n\xfe", at=QUIET)
    place.write("s/subagents/workflows/w/journal.jsonl", lines(1) + b"{", at=RECENT)
    result = place.sync()
    assert (result.seen, result.sidecars, result.new) == (6, 5, 6)
    assert place.read("s/subagents/agent-a.meta.json") == b'{"agentType": "[REDACTED]"}'
    assert place.read("s/tool-results/r.txt") == b"one [CUT]\n\n three [REDACTED]"
    assert place.read("s/tool-results/binary.bin") == b"\x00\xff\n\xfe"
    assert place.read("s/subagents/workflows/w/journal.jsonl") == lines(1)
    kinds = {entry.path.rsplit("/", 1)[-1]: (entry.kind, entry.session_id) for entry in place.entries().values()}
    assert kinds["agent-a.meta.json"] == ("sidecar", "s/agent-a") and kinds["r.txt"] == ("sidecar", "s")
    assert ("jsonl", b'{"agentType": "SECRET"}\n') in place.redactor.seen
    assert ("text", b'{\n"a": 1}\n') in place.redactor.seen
    place.check()


def test_a_text_is_taken_when_it_is_quiet_and_as_a_whole(place):
    place.write("s/tool-results/r.txt", b"one OPEN\ntw", at=RECENT)
    assert place.sync().pending_bytes == 11 and place.read("s/tool-results/r.txt") == b""
    place.write("s/tool-results/r.txt", b"one OPEN\ntwo CLOSE", at=RECENT + 1)
    place.sync(now=RECENT + 602)
    assert place.read("s/tool-results/r.txt") == b"one [CUT]\n"
    place.check()


def test_a_text_that_grows_is_continued_where_its_beginning_stays(place):
    name = "s/tool-results/r.txt"
    place.write(name, b"one\ntw")
    place.sync()
    place.write(name, b"one\ntwo SECRET\n", at=OLD + 1)
    assert counts(place.sync()) == (0, 1, 0, 0, 0)
    assert place.read(name) == b"one\ntwo [REDACTED]\n" and len(place.entries()) == 1
    place.write(name, b"one\ntwo SECRET\nOPEN", at=OLD + 2)
    place.sync()
    place.write(name, b"one\ntwo SECRET\nOPEN x CLOSE", at=OLD + 3)
    assert counts(place.sync()) == (0, 0, 1, 0, 0)
    assert place.read(name) == b"one\ntwo [REDACTED]\nOPEN"
    assert place.read("s/tool-results/r.v2.txt") == b"one\ntwo [REDACTED]\n[CUT]"
    place.check()
    assert counts(place.sync()) == (0, 0, 0, 1, 0)


def test_a_changed_meta_file_is_a_version(place):
    place.write("s/subagents/agent-a.meta.json", b'{"a": 1}')
    place.sync()
    place.write("s/subagents/agent-a.meta.json", b'{"a": 2}', at=NOW)
    assert counts(place.sync()) == (0, 0, 1, 0, 0)
    assert place.read("s/subagents/agent-a.v2.meta.json") == b'{"a": 2}'
    place.check()


def test_long_texts_are_cut_at_lines_and_outside_of_key_blocks(place, monkeypatch):
    monkeypatch.setattr("ingest.archive_text.CHUNK_BYTES", 40)
    begin, end = b"-----BEGIN X-----\n", b"-----END X-----\n"
    text = b"a\n" * 12 + begin + b"body\n" * 3 + end + b"b\n" * 40 + b"last"
    place.write("s/tool-results/r.txt", text)
    place.sync()
    assert place.read("s/tool-results/r.txt") == text
    pieces = [data for kind, data in place.redactor.seen if kind == "text"]
    assert len(pieces) > 2 and b"".join(pieces) == text
    assert sum(begin in piece and end in piece for piece in pieces) == 1
    place.check()


# Names


def test_two_directories_with_one_name_keep_theirs_for_ever(place, tmp_path):
    other = tmp_path / "backup" / "-home-me-repo"
    other.mkdir(parents=True)
    (other / "s.jsonl").write_bytes(lines(5))
    os.utime(other / "s.jsonl", (OLD, OLD))
    place.write("s.jsonl", lines(1))
    place.directories = [place.source, other]
    place.sync()
    names = sorted(path.name for path in place.data.sessions("p").iterdir())
    assert names[0] == "-home-me-repo" and len(names) == 2 and names[1].startswith("-home-me-repo~")
    before = read_manifest(place.data.manifest("p"))
    for order in ([other, place.source], [other], [place.source], [place.source, other]):
        place.directories = order
        result = place.sync()
        assert (result.new, result.rewritten, result.unchanged) == (0, 0, len(order))
    assert read_manifest(place.data.manifest("p")) == before
    place.check()


def test_a_directory_that_was_moved_goes_on_in_its_place(place, tmp_path):
    place.write("s.jsonl", lines(1))
    place.sync()
    moved = tmp_path / "new-home" / "-home-me-repo"
    moved.parent.mkdir()
    place.source.rename(moved)
    place.source, place.directories = moved, [moved]
    place.write("s.jsonl", lines(1, 2), at=OLD + 5)
    assert counts(place.sync()) == (0, 1, 0, 0, 0)
    assert place.read("s.jsonl") == lines(1, 2)
    assert place.entries()["s.jsonl"].source == str(moved / "s.jsonl")
    assert counts(place.sync()) == (0, 0, 0, 1, 0)
    place.check()


def test_names_hold_no_secret_and_are_valid_text(place):
    place.write("SECRET/s.jsonl", lines(1))
    (place.source / os.fsdecode(b"caf\xe9.jsonl")).write_bytes(lines(2))
    (place.source / "caf%E9.jsonl").write_bytes(lines(3))
    place.write("new\nline.jsonl", lines(4))
    place.sync()
    text = place.data.manifest("p").read_text("utf-8")
    assert "SECRET" not in text and not any("SECRET" in path.name for path in place.data.raw("p").rglob("*"))
    contents = sorted(path.read_bytes() for path in place.data.sessions("p").rglob("*.jsonl"))
    assert contents == [lines(n) for n in (1, 2, 3, 4)]
    assert place.sync().unchanged == 4
    place.check()


# Odd input


def test_odd_files_are_problems_and_the_rest_goes_on(place, monkeypatch):
    place.write("a.jsonl", lines(1))
    place.write("denied.jsonl", lines(1))
    place.write("removed.jsonl", lines(1))
    place.write("swapped.jsonl", lines(1))
    (place.source / "link.jsonl").symlink_to(place.source / "a.jsonl")
    (place.source / "directory.jsonl").mkdir()
    os.mkfifo(place.source / "pipe.jsonl")
    open_regular = files.open_regular

    def disturbed(path):
        if path.name == "denied.jsonl":
            raise PermissionError(13, "Permission denied")
        if path.name == "removed.jsonl":
            path.unlink()
        if path.name == "swapped.jsonl":
            path.unlink()
            os.mkfifo(path)
        return open_regular(path)

    monkeypatch.setattr(archive_file, "open_regular", disturbed)
    result = place.sync()
    found = {(problem.path.rsplit("/", 1)[-1], problem.reason, problem.detail) for problem in result.problems}
    assert found == {
        ("denied.jsonl", "source not readable", "Permission denied"),
        ("removed.jsonl", "source not readable", "No such file or directory"),
        ("swapped.jsonl", "source not readable", "not a regular file"),
        ("link.jsonl", "symbolic link", "links are not followed"),
        ("directory.jsonl", "not a file", "a directory with the name of a file"),
        ("pipe.jsonl", "not a file", "a pipe, socket or device"),
    }
    assert all(problem.path.startswith("sessions/-home-me-repo/") for problem in result.problems)
    assert list(place.entries()) == ["a.jsonl"] and (result.new, result.unreadable) == (1, 3)
    place.check()


def test_a_file_that_grows_or_shrinks_while_it_is_read(place, monkeypatch):
    path = place.write("s.jsonl", lines(1, 2, 3))
    open_regular = files.open_regular

    def grown(name):
        opened = open_regular(name)
        with path.open("ab") as file:
            file.write(lines(4) + b'{"half')
        os.utime(path, (RECENT, RECENT))
        return opened

    def shrunk(name):
        opened = open_regular(name)
        os.truncate(path, len(lines(1, 2)) + 3)
        return opened

    monkeypatch.setattr(archive_file, "open_regular", grown)
    place.sync()
    assert place.read("s.jsonl") == lines(1, 2, 3)
    monkeypatch.setattr(archive_file, "open_regular", open_regular)
    place.sync()
    assert place.read("s.jsonl") == lines(1, 2, 3, 4)
    other = place.write("t.jsonl", lines(1, 2, 3))
    path = other
    monkeypatch.setattr(archive_file, "open_regular", shrunk)
    os.utime(place.source / "s.jsonl", (OLD, OLD))
    (place.source / "s.jsonl").unlink()
    place.sync()
    assert place.read("t.jsonl") == lines(1, 2)
    place.check()
    monkeypatch.setattr(archive_file, "open_regular", open_regular)
    place.write("t.jsonl", lines(1, 2, 3, 4), at=OLD + 9)
    place.sync()
    assert place.read("t.jsonl") == lines(1, 2, 3, 4)


def test_a_read_error_keeps_the_lines_before_it(place, monkeypatch):
    monkeypatch.setattr(archive_copy, "CHUNK_BYTES", 20)
    place.write("s.jsonl", lines(*range(10)))
    pread = os.pread
    is_broken = True

    def broken(descriptor, size, offset):
        if is_broken and offset >= 40:
            raise OSError(5, "Input/output error")
        return pread(descriptor, size, offset)

    monkeypatch.setattr(archive_copy.os, "pread", broken)
    result = place.sync()
    assert [(problem.reason, problem.detail) for problem in result.problems] == [
        ("source not readable to its end", "Input/output error")
    ]
    assert place.read("s.jsonl") == lines(0, 1, 2, 3) and result.pending_bytes == 90 - 36
    place.check()
    is_broken = False
    place.sync()
    assert place.read("s.jsonl") == lines(*range(10)) and place.entries()["s.jsonl"].problem is None
    place.check()


def test_long_lines_and_chunks_of_whole_lines(place, monkeypatch):
    monkeypatch.setattr(archive_copy, "CHUNK_BYTES", 64)
    content = lines(1) + b'{"x": "' + b"y" * 1_000 + b'"}\n' + lines(*range(50)) + b'{"tail": "' + b"z" * 300 + b'"}'
    place.write("s.jsonl", content)
    place.sync()
    assert place.read("s.jsonl") == content + b"\n"
    given = [data for _, data in place.redactor.seen]
    assert len(given) > 5 and all(data.endswith(b"\n") for data in given)
    assert max(map(len, given)) < 1_200
    place.check()


def test_progress_reaches_its_end_and_never_steps_back(place):
    for number in range(5):
        place.write(f"{number}.jsonl", lines(*range(number * 10)))
    place.sync()
    place.write("4.jsonl", lines(7), at=OLD + 1)
    place.write("3.jsonl", lines(*range(40)), at=OLD + 1)
    steps = []
    archive_project(place.data, place.project, place.redactor, "r", lambda done, of: steps.append((done, of)), now=NOW)
    assert steps and steps == sorted(steps) and steps[-1][0] == steps[-1][1] > 0
    assert len({of for _, of in steps}) == 1


# Failure


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


# The archive and its manifest disagree


def test_a_longer_archived_file_is_cut_to_its_manifest(place):
    place.write("s.jsonl", lines(1))
    place.sync()
    with place.path("s.jsonl").open("ab") as file:
        file.write(b'{"half')
    result = place.sync()
    assert place.read("s.jsonl") == lines(1) and result.problems == []
    place.check()


@pytest.mark.parametrize("damage", ["shorter", "missing", "edited"])
def test_a_damaged_archived_file_is_rebuilt_from_its_source(place, damage):
    place.write("s.jsonl", b'{"s": "SECRET"}\n{"n": 1}')
    place.write("s/tool-results/r.txt", b"some text")
    place.sync()
    expected = {name: place.read(name) for name in place.entries()}
    for name in expected:
        content = place.read(name)
        if damage == "shorter":
            place.path(name).write_bytes(content[:5])
        elif damage == "missing":
            place.path(name).unlink()
        else:
            place.path(name).write_bytes(content.replace(b"n", b"m").replace(b"t", b"T"))
    if damage == "edited":  # seen when the file is next continued
        place.write("s.jsonl", b'{"s": "SECRET"}\n{"n": 1}\n{"n": 2}\n', at=OLD + 5)
        expected["s.jsonl"] += b'{"n": 2}\n'
        del expected["s/tool-results/r.txt"]
    result = place.sync()
    assert {problem.reason for problem in result.problems} == {"archived file rebuilt"}
    assert len(result.problems) == len(expected)
    assert {name: place.read(name) for name in expected} == expected
    if damage != "edited":
        place.check()
    assert place.sync().problems == []


def test_a_rebuild_takes_a_tail_that_was_taken_before_whatever_the_clock_says(place):
    place.write("s.jsonl", lines(1) + b'{"n', at=OLD)
    place.sync()
    os.utime(place.source / "s.jsonl", (NOW, NOW))
    place.path("s.jsonl").unlink()
    place.sync()
    assert place.read("s.jsonl") == lines(1) + b'{"n\n'
    place.check()


def test_a_damaged_archived_file_without_its_source_is_reported_until_restored(place):
    path = place.write("s.jsonl", lines(1, 2))
    place.sync()
    path.unlink()
    content = place.read("s.jsonl")
    place.path("s.jsonl").write_bytes(content[:4])
    for _ in range(2):
        assert [problem.reason for problem in place.sync().problems] == [archive_repair.SHORT]
        assert place.entries()["s.jsonl"].problem == archive_repair.SHORT
        assert place.entries()["s.jsonl"].archived_bytes == len(content)
    place.path("s.jsonl").write_bytes(content)
    assert place.sync().problems == [] and place.entries()["s.jsonl"].problem is None
    place.check()


def test_shorter_and_rewritten_the_old_version_is_reported_and_the_new_one_archived(place):
    place.write("s.jsonl", lines(1, 2))
    place.sync()
    place.path("s.jsonl").write_bytes(b"")
    place.write("s.jsonl", lines(3), at=OLD + 5)
    assert [problem.reason for problem in place.sync().problems] == [archive_repair.SHORT]
    assert place.read("s.v2.jsonl") == lines(3)


def test_a_half_written_last_manifest_line_is_ignored_and_repaired(place):
    place.write("s.jsonl", lines(1))
    place.sync()
    good = place.data.manifest("p").read_bytes()
    for size in (1, len(good) // 2, len(good) - 1):
        place.data.manifest("p").write_bytes(good + good[:size])
        assert list(place.entries()) == ["s.jsonl"]
        assert counts(place.sync()) == (0, 0, 0, 1, 0)
        assert place.data.manifest("p").read_bytes() == good


def test_the_last_line_of_a_path_wins_and_stale_lines_are_compacted(place, monkeypatch):
    monkeypatch.setattr(manifest, "COMPACT_MIN_STALE_LINES", 3)
    for count in range(1, 5):
        place.write("s.jsonl", lines(*range(count)), at=OLD + count)
        place.sync()
        assert place.entries()["s.jsonl"].archived_lines == count
    assert place.data.manifest("p").read_bytes().count(b"\n") == 4
    place.write("s.jsonl", lines(*range(9)), at=OLD + 9)
    place.sync()
    assert place.data.manifest("p").read_bytes().count(b"\n") == 1
    assert place.entries()["s.jsonl"].archived_lines == 9
    place.check()


@pytest.mark.parametrize("damage", ["lost", "garbled"])
def test_a_lost_manifest_gives_nothing_up(place, damage):
    place.write("s.jsonl", lines(1))
    gone = place.write("gone.jsonl", lines(2))
    place.write("s/subagents/agent-a.jsonl", lines(3))
    place.sync()
    place.write("s.jsonl", lines(4, 5), at=OLD + 5)
    place.sync()
    gone.unlink()
    path = place.data.manifest("p")
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b'"path"', b'"pa'))
    result = place.sync()
    reasons = {problem.reason for problem in result.problems}
    assert reasons == {"manifest damaged", archive_repair.RECOVERED}
    entries = place.entries()
    assert (place.read("gone.jsonl"), entries["gone.jsonl"].archived_lines) == (lines(2), 1)
    assert (place.read("s.jsonl"), place.read("s.v2.jsonl"), place.read("s.v3.jsonl")) == (
        lines(1),
        lines(4, 5),
        lines(4, 5),
    )
    assert {entries[name].session_id for name in ("s.jsonl", "s.v2.jsonl", "s.v3.jsonl")} == {"s"}
    assert entries["s/subagents/agent-a.jsonl"].parent_session_id == "s"
    place.check()
    again = place.sync()
    assert again.problems == [] and again.unchanged == 2


@pytest.mark.parametrize(
    "change",
    [{"path": "../../etc/x"}, {"path": "/etc/x"}, {"consumed_bytes": -1}, {"version": "1"}, {"archived_lines": None}],
)
def test_a_manifest_line_that_lies_is_no_entry(place, change):
    place.write("s.jsonl", lines(1))
    place.sync()
    path = place.data.manifest("p")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}) + "\n")
    assert read_manifest(path) == {}


def test_fields_of_a_later_version_are_ignored(place):
    place.write("s.jsonl", lines(1))
    place.sync()
    path = place.data.manifest("p")
    path.write_text(json.dumps({**json.loads(path.read_text()), "later": 1}) + "\n")
    assert counts(place.sync()) == (0, 0, 0, 1, 0)


def test_read_manifest_without_a_manifest(tmp_path):
    assert read_manifest(tmp_path / "manifest.jsonl") == {}


def test_a_link_in_place_of_an_archived_file_is_not_written_through(place, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    place.path("s.jsonl").parent.mkdir(parents=True)
    place.data.manifest("p").touch()
    place.path("s.jsonl").symlink_to(outside)
    place.write("s.jsonl", lines(1))
    with pytest.raises(IngestError, match=r"s\.jsonl"):
        place.sync()
    assert outside.read_bytes() == b"mine"


def test_archived_files_are_appended_while_somebody_reads_them(place):
    """A reader of the committed bytes never sees them change."""
    place.write("s.jsonl", lines(1))
    place.sync()
    stop, seen = threading.Event(), set()

    def read():
        while not stop.is_set():
            seen.add(place.read("s.jsonl")[: len(lines(1))])

    reader = threading.Thread(target=read)
    reader.start()
    for count in range(2, 12):
        place.write("s.jsonl", lines(*range(1, count + 1)), at=OLD + count)
        place.sync()
    stop.set()
    reader.join()
    assert seen == {lines(1)}
