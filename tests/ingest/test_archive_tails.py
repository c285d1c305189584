"""A last line that has no end yet: when it is taken, and what becomes of it."""

from __future__ import annotations

import os

import pytest

from ingest import archive_copy, archive_repair
from ingest.errors import Problem
from ingest.landing_operations import manifest_problems
from tests.ingest.archive_place import NOW, QUIET, RECENT, counts, lines


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


def test_how_much_of_a_vanished_tail_was_lost_is_known_on_every_later_night(place):
    path = place.write("s.jsonl", lines(1) + b'{"n', at=RECENT)
    place.sync()
    path.unlink()
    found = place.sync().problems
    place.sync()
    assert [problem.detail for problem in found] == ["3 bytes were not archived"]
    assert manifest_problems(place.entries()["s.jsonl"]) == [
        Problem("archive", "sessions/-home-me-repo/s.jsonl", archive_repair.TAIL_LOST, "3 bytes were not archived")
    ]


def test_a_tail_that_is_rewritten_away_is_reported(place):
    place.write("s.jsonl", lines(1) + b'{"n', at=RECENT)
    place.sync()
    place.write("s.jsonl", lines(2, 3, 4), at=RECENT + 1)
    place.sync()
    assert (place.read("s.jsonl"), place.read("s.v2.jsonl")) == (lines(1), lines(2, 3, 4))
    [problem] = manifest_problems(place.entries()["s.jsonl"])
    assert (problem.reason, problem.detail) == (archive_repair.TAIL_LOST, "3 bytes were not archived")


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
