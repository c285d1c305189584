"""Odd histories and sessions: each oddity is a row, crashes nothing, and links no more than the rules allow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import odd_history
from tests.end_to_end.odd_history import ESCAPE, LARGE_MESSAGE, UNKNOWN_IDS, sha_of
from tests.warehouse import Warehouse

pytestmark = pytest.mark.slow

LONG = 2000
JUDGED = 25

LINKED = {
    "plain": "odd-plain",
    "copied": "odd-plain",
    "year-1": "odd-year-1",
    "year-9999": "odd-year-9999",
    "east": "odd-east",
    "no-author": "odd-no-cwd",
    "from-root": "odd-from-root",
    "from-above": "odd-from-above",
    "windows": "odd-windows",
    "two": "odd-two-a",
    "equal-lines": "odd-equal-lines",
    "huge": "odd-huge",
    "common-0": "odd-common",
    "escape": "odd-escape",
    "named": "odd-named-1",
    "many-ids": "odd-named-1",
}
UNLINKED = {
    "octopus": "merge",
    "odd-merge": "merge",
    "bot": "bot",
    "revert": "revert",
    "no-files": "empty",
    "no-times": "no_candidate",
    "large-message": "no_content",
    "common-1": "no_content",
    "common-29": "no_content",
    "ring-0": "no_content",
    "side-ring-0": "no_content",
    "newest": "no_content",
    "wip-0": "no_content",
    "wip-499": "no_content",
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Three projects: an odd one, a long history without sessions, one whose links are all wrong. Read only."""
    directory: Path = tmp_path_factory.mktemp("odd")
    warehouse = Warehouse.make(directory)
    judged, judged_sessions = odd_history.judged_commits(JUDGED)
    for name, commits, sessions in (
        ("odd", odd_history.odd_commits(), odd_history.odd_sessions()),
        ("long", odd_history.long_line(LONG), {}),
        ("judged", judged, judged_sessions),
    ):
        history = odd_history.write_history(directory / f"{name}.jsonl", commits)
        options = ["--name", name, "--git-metadata", history]
        if sessions:
            options += ["--sessions", odd_history.write_sessions(directory / "sessions" / name, sessions)]
        warehouse.ingest("add-project", *options)
    labels = directory / "labels.csv"
    pairs = zip(judged_sessions, judged, strict=True)
    rows = "".join(f"{session},{commit['sha']},not_linked\n" for session, commit in pairs)
    labels.write_text(f"session_id,commit_sha,label\n{rows}", encoding="utf-8")
    warehouse.ingest("import-labels", "--project", "judged", "--kind", "session_commit", "--set", "people", str(labels))
    warehouse.ingest("sync")
    warehouse.build()
    return warehouse


def of_commit(warehouse: Warehouse, columns: str, table: str, name: str, where: str = "true") -> list[tuple[Any, ...]]:
    """Columns of the rows of a table that belong to a commit of an odd history."""
    return warehouse.query(
        f"select {columns} from {table} where commit_sha = '{sha_of(name)}' and {where} order by all"
    )


def matching(warehouse: Warehouse, name: str) -> dict[str, tuple[Any, ...]]:
    """Files and lines of the commit that each session is found to have changed before it, lines as the last one."""
    found = of_commit(
        warehouse,
        "session_id, matched_files, matched_lines, last_written_lines",
        "correlations",
        name,
        "(matched_files > 0 or matched_lines > 0)",
    )
    return {session: numbers for session, *numbers in found}


def test_every_commit_session_and_line_is_there(odd: Warehouse) -> None:
    commits, sessions = odd_history.odd_commits(), odd_history.odd_sessions()
    assert odd.query("select project_id, count(*) from commits group by all order by all") == [
        ("judged", JUDGED),
        ("long", LONG + 1),
        ("odd", len(commits)),
    ]
    assert odd.query("select session_id from sessions where project_id = 'odd' order by all") == [
        (name,) for name in sorted(sessions)
    ]
    lines = sum(map(len, sessions.values())) + 3 * JUDGED
    assert odd.query("select count(*) from raw.session_lines") == [(lines,)]
    number = next(number for number, commit in enumerate(commits, 1) if commit["sha"] == sha_of("no-times"))
    assert odd.query("select reason, detail, line_number from raw.parse_errors") == [
        ("commit without a time", sha_of("no-times"), number)
    ]


def test_texts_stay_as_they_are(odd: Warehouse) -> None:
    assert of_commit(odd, "subject, author_name, source_ref", "commits", "escape") == [
        (ESCAPE, ESCAPE, f"refs/heads/{ESCAPE}")
    ]
    assert of_commit(odd, "message", "commits", "large-message") == [(LARGE_MESSAGE,)]
    assert odd.query("select first_prompt from sessions where session_id = 'odd-escape'") == [(ESCAPE,)]


@pytest.mark.parametrize("name", LINKED)
def test_a_commit_goes_to_its_session(odd: Warehouse, name: str) -> None:
    links = of_commit(odd, "linked_session_id, unlinked_reason", "commits", name)
    assert links == [(LINKED[name], None)]


@pytest.mark.parametrize("name", UNLINKED)
def test_a_commit_of_nobody_says_why(odd: Warehouse, name: str) -> None:
    links = of_commit(odd, "linked_session_id, unlinked_reason", "commits", name)
    assert links == [(None, UNLINKED[name])]


def test_what_was_written_at_no_time_or_later_is_not_in_a_commit(odd: Warehouse) -> None:
    assert odd.query("select * from correlations where session_id = 'odd-no-times'") == []
    # not odd-late, though it wrote before the copy; odd-west only before the hour that the author's clock showed
    assert matching(odd, "plain") == {"odd-plain": [1, 9, 9]}
    assert matching(odd, "copied") == {"odd-plain": [1, 9, 9]}
    assert matching(odd, "east") == {"odd-east": [1, 9, 9]}


def test_the_last_writer_has_the_lines(odd: Warehouse) -> None:
    assert matching(odd, "two") == {"odd-two-a": [1, 9, 9], "odd-two-b": [1, 9, 0]}


def test_files_elsewhere_are_none_of_the_repository(odd: Warehouse) -> None:
    """Sessions that began in `/` and in `/home` have their files in it, and put no other ones there."""
    assert matching(odd, "from-root") == {"odd-from-root": [1, 9, 9]}
    assert matching(odd, "from-above") == {"odd-from-above": [1, 9, 9]}
    assert matching(odd, "windows") == {"odd-windows": [1, 9, 9]}
    assert matching(odd, "outside") == {"odd-outside": [0, 9, 9]}
    assert matching(odd, "scratch") == {"odd-scratch": [0, 9, 9]}
    assert matching(odd, "at-root") == {"odd-at-root": [0, 9, 9]}


def test_lines_that_say_nothing_do_not_count(odd: Warehouse) -> None:
    """Without fingerprints, in too many commits, the same one again and again; 5,000 of 100,000 do."""
    assert matching(odd, "no-prints") == {"odd-no-prints": [1, 0, 0]}
    assert matching(odd, "common-0") == {"odd-common": [1, 0, 0]}
    assert matching(odd, "common-29") == {}
    assert matching(odd, "equal-lines") == {"odd-equal-lines": [1, 1, 1]}
    assert matching(odd, "huge") == {"odd-huge": [1, 5000, 5000]}
    commit_lines = "select max(commit_lines) from correlations where commit_sha = '{}'"
    assert odd.query(commit_lines.format(sha_of("equal-lines"))) == [(1,)]
    assert odd.query(commit_lines.format(sha_of("no-prints"))) == [(0,)]


def test_the_message_names_a_session_in_any_case(odd: Warehouse) -> None:
    pairs = "session_id, tier, method, is_accepted"
    assert of_commit(odd, pairs, "correlations", "many-ids", "method is not null") == [
        ("odd-named-1", 1, "session_id", True)
    ]
    trailers = "intermediate.int_commits__session_trailers"
    assert of_commit(odd, "count(*), count(root_session_id)", trailers, "many-ids") == [(UNKNOWN_IDS + 1, 1)]
    assert of_commit(odd, "trailer_key, session_id", trailers, "many-ids", "written_id = 'ODD-NAMED-1'") == [
        ("Claude-Session", "odd-named-1")
    ]


def test_a_name_does_not_take_the_lines_of_another_session(odd: Warehouse) -> None:
    """Both wrote half of the commit: they share it, and the one that is named comes first."""
    pairs = "link_rank, session_id, tier, method, last_written_lines, is_accepted"
    assert of_commit(odd, pairs, "correlations", "named", "matched_lines > 0") == [
        (1, "odd-named-1", 1, "session_id", 4, True),
        (2, "odd-named-2", 3, "lines_share", 4, True),
    ]


def test_merges_and_bots_link_by_nothing(odd: Warehouse) -> None:
    """Neither by the name in the message nor by the lines that a session wrote."""
    columns = "session_id, rejection_reason"
    assert of_commit(odd, columns, "correlations", "octopus", "is_accepted") == []
    assert of_commit(odd, columns, "correlations", "bot", "method is not null") == [
        ("odd-bot", "bot"),
        ("odd-named-1", "bot"),
    ]


def test_a_revert_holds_no_lines_of_a_session(odd: Warehouse) -> None:
    found = of_commit(odd, "session_id, rejection_reason", "correlations", "revert", "method is not null")
    assert found == [("odd-revert", "revert")]


def test_only_a_change_by_somebody_is_copied(odd: Warehouse) -> None:
    """Two unknown authors are not the same one, and hundreds with one subject and one time are no copies."""
    copies = odd.query("select commit_sha, copy_of_sha from commits where copy_of_sha is not null")
    assert copies == [(sha_of("copied"), sha_of("plain"))]
    assert odd.query("select * from intermediate.int_commits__squashes") == []


def test_rings_and_long_lines_of_ancestors_end(odd: Warehouse) -> None:
    """One ring hangs on the newest commit and is no branch, the other was merged; the line is followed to its end."""
    branches = odd.query("select commit_sha, branch from intermediate.int_commits__branches")
    merged = {sha_of(f"side-ring-{number}"): "a\tb%" for number in range(3)}
    assert dict(branches) == merged | {sha_of("escape"): ESCAPE, sha_of("long-side"): "feature"}
    is_branch = "evidence_kind in ('same_branch', 'other_branch')"
    assert of_commit(odd, "session_id, evidence_kind", "correlation_evidence", "escape", is_branch) == [
        ("odd-escape", "same_branch")
    ]


def test_a_project_of_wrong_links_has_none_and_the_others_go_on(odd: Warehouse) -> None:
    gates = "select distinct project_id, gate from correlation_quality where basis = 'measured'"
    assert odd.query(gates) == [("judged", "failed")]
    pairs = "select is_accepted, rejection_reason, count(*) from correlations where {} group by all"
    assert odd.query(pairs.format("project_id = 'judged' and link_rank = 1")) == [(False, "gate", JUDGED)]
    assert odd.query(pairs.format("project_id = 'judged' and is_accepted")) == []
    commits = "select linked_sessions, unlinked_reason, count(*) from commits where project_id = 'judged' group by all"
    assert odd.query(commits) == [(0, "gate", JUDGED)]
    # unmeasured, so that what it has is an estimate
    assert odd.query("select distinct basis from correlation_quality where project_id = 'odd'") == [("estimated",)]
