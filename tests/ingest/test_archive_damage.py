"""Odd sources, and an archive that disagrees with its manifest: reported, repaired, never given up."""

from __future__ import annotations

import json
import os
import threading

import pytest

from ingest import archive_copy, archive_file, archive_repair, files, manifest
from ingest.archive import archive_project, read_manifest
from ingest.errors import IngestError
from tests.ingest.archive_place import NOW, OLD, RECENT, counts, lines


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
