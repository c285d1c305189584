"""The archive: append-only, redacted and complete, file by file."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace

import pytest

from ingest import archive_file
from ingest.archive import read_manifest
from tests.ingest.archive_place import NOW, OLD, QUIET, RECENT, counts, lines


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
