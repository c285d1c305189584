"""The agent's own files stay where they are: what a cold session does when they change."""

from __future__ import annotations

import os

import pytest

from ingest.cold.journal import settle
from ingest.cold.part import read_parts
from tests.cold.cold_place import ColdPlace, record


@pytest.fixture
def cold(place: ColdPlace) -> ColdPlace:
    """Everything but `new` is in cold storage, in one part or more."""
    place.archive("old", "lone", "fork-a", "fork-b")
    return place


def test_a_session_that_went_on_comes_back_whole(cold: ColdPlace) -> None:
    before = cold.source / "old.jsonl"
    grown = before.read_bytes() + record("o9", "2026-11-01")
    cold.write("old.jsonl", grown)
    done = cold.sync()
    archive = done.projects[0].archive
    assert (archive.woken, archive.grown, archive.rewritten, archive.new) == (1, 1, 0, 0)
    assert cold.cold_roots() == {"lone", "fork-a", "fork-b"}
    assert cold.raw()["sessions/source/old.jsonl"] == grown
    assert "sessions/source/old/tool-results/t.txt" in cold.raw()
    assert cold.landed() == {"new", "old"}
    # the archive is one file that grew, so the lines that were cold are landed once
    assert cold.ask("select count(*) from raw.session_lines where line like '%\"o1\"%'") == [(1,)]


def test_the_family_of_a_session_that_went_on_comes_with_it(cold: ColdPlace) -> None:
    cold.write("fork-b.jsonl", (cold.source / "fork-b.jsonl").read_bytes() + record("f9", "2026-11-01"))
    cold.sync()
    assert cold.cold_roots() == {"old", "lone"}


def test_a_late_subagent_brings_its_session_back(cold: ColdPlace) -> None:
    cold.write("old/subagents/agent-late.jsonl", record("o9", "2024-01-07"))
    assert cold.sync().projects[0].archive.woken == 1
    assert cold.cold_roots() == {"lone", "fork-a", "fork-b"}
    assert {row[0] for row in cold.ask("select session_id from raw.session_files")} >= {"old", "old/agent-late"}


def test_a_rewritten_source_brings_its_session_back_with_a_version(cold: ColdPlace) -> None:
    before = (cold.source / "lone.jsonl").read_bytes()
    cold.write("lone.jsonl", record("l2", "2024-01-21"))
    cold.sync()
    assert cold.raw()["sessions/source/lone.jsonl"] == before
    assert cold.raw()["sessions/source/lone.v2.jsonl"] == record("l2", "2024-01-21")


def test_a_source_that_was_only_touched_stays_cold(cold: ColdPlace) -> None:
    path = cold.source / "lone.jsonl"
    os.utime(path, (1, 1))
    for _ in range(2):
        assert cold.sync().projects[0].archive.woken == 0
    assert "lone" in cold.cold_roots()
    assert cold.entries()["sessions/source/lone.jsonl"].source_mtime_ns == path.stat().st_mtime_ns


def test_a_source_that_is_gone_changes_nothing(cold: ColdPlace) -> None:
    (cold.source / "lone.jsonl").unlink()
    result = cold.sync().projects[0].archive
    assert result.problems == [] and "lone" in cold.cold_roots()
    cold.restore("lone")
    assert "sessions/source/lone.jsonl" in cold.raw()


def test_what_goes_on_is_kept_also_where_cold_storage_is_damaged(cold: ColdPlace) -> None:
    for part in read_parts(cold.data):
        (cold.data.archived / part.lines.path).write_bytes(b"damaged")
    grown = (cold.source / "lone.jsonl").read_bytes() + record("l9", "2026-11-01")
    cold.write("lone.jsonl", grown)
    done = cold.sync()
    assert "could not be brought back" in done.projects[0].failures[0]
    assert cold.raw()["sessions/source/lone.v2.jsonl"] == grown
    assert "lone" in cold.landed()
    assert cold.sync().projects[0].archive.rewritten == 0


def test_it_can_go_again_when_it_is_old_again(cold: ColdPlace) -> None:
    grown = (cold.source / "lone.jsonl").read_bytes() + record("l9", "2025-11-01")
    cold.write("lone.jsonl", grown)
    cold.night()
    cold.archive("lone")
    assert "lone" in cold.cold_roots()
    settle(cold.data)
    cold.restore("lone")
    assert cold.raw()["sessions/source/lone.jsonl"] == grown
