"""Commits, labels, notes and run logs of two machines."""

from __future__ import annotations

from ingest.landing_operations import utc
from ingest.merging import projects, texts
from tests.ingest.landing_place import ask
from tests.merging.machine import Machine, counts, fill_texts


def test_commits_labels_notes_and_runs_of_both(here: Machine, there: Machine) -> None:
    fill_texts(here)
    fill_texts(there, is_there=True)
    merged = here.merge(there)
    assert counts(merged) | {"problems": 0} == {"commits": 2, "labels": 3, "notes": 3, "problems": 0, "runs": 1}
    assert ask(here.data, "select left(commit_sha, 1), message, is_boundary from raw.commits order by 1") == [
        ("a", "a", None),
        ("b", "b", None),
        ("c", "c", None),
    ]
    assert ask(here.data, "select message_uuid, label from raw.labels order by 1") == [
        *(("u1", "block"), ("u2", "block"), ("u3", "correct"), ("u4", "question")),
    ]
    assert here.data.notes("one").read_text().endswith("Mine.\n\n## Excluded on 2026-01-01\n\nToo few.\n")
    assert ask(here.data, "select run_id from raw.ingest_runs where step = 'land' and run_id in ('here', 'there')") == [
        ("here",),
        ("there",),
    ]
    before = here.truth()
    assert "commits" not in counts(here.merge(there))
    after = here.truth()
    assert before == after


def test_newer_labels_count_by_their_instant() -> None:
    assert utc("2026-01-02T01:00:00+02:00") < utc("2026-01-02T00:00:00")
    ours = [["", "", "u1", "approve", "1", "", "2026-01-02T01:00:00+02:00", ""]]
    theirs = [["", "", "u1", "block", "1", "", "2026-01-02T00:00:00", ""]]
    assert texts._united(ours, theirs, texts.TextsMerged())[0][3] == "block"
    assert projects._session_ids([]) == set()
