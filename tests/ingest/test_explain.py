"""`explain`: which commit or session is meant, and what speaks for a link and against it."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ingest.correlation_evidence import Explained
from ingest.database import opened
from ingest.errors import IngestError
from ingest.explain import CommitExplained, SessionExplained, explain
from ingest.paths import DataDir
from ingest.registry import save_projects
from tests.ingest.correlation_place import FIRST, MERGE, ONE, SECOND, TWO, add, build, change, evidence, rejected
from tests.ingest.landing_place import project
from tests.ingest.shell import Shell

ESCAPE = "\x1b]0;owned\x07\x1b[2J"


def commit(data: DataDir, target: str = ONE, **options: object) -> CommitExplained:
    found = explain(data, target, **options)  # type: ignore[arg-type]
    assert isinstance(found, CommitExplained)
    return found


def session(data: DataDir, target: str, **options: object) -> SessionExplained:
    found = explain(data, target, **options)  # type: ignore[arg-type]
    assert isinstance(found, SessionExplained)
    return found


def kinds(found: Explained) -> tuple[list[str], list[str], list[str]]:
    return (
        [item.evidence_kind for item in found.supporting],
        [item.evidence_kind for item in found.opposing],
        [item.evidence_kind for item in found.missing],
    )


def test_a_commit_with_its_candidates_in_rank_order(marts: DataDir) -> None:
    found = commit(marts, "AB12")
    assert (found.commit_sha, found.subject, found.linked_session_id) == (ONE, "Retry the fetch", FIRST)
    assert [(file.path, file.old_path, file.agent_lines) for file in found.files] == [
        ("src/fetch.py", None, 9),
        ("new.bin", "old.bin", None),
    ]
    assert [(item.link.session_id, item.link.link_rank) for item in found.candidates] == [(FIRST, 1), (SECOND, 2)]
    assert found.candidates[1].link.title == "please look"  # without a title, what the human began with
    best = commit(marts, best=1)
    assert (len(best.candidates), best.candidates_in_all) == (1, 2)


def test_evidence_is_sorted_by_what_it_contributes_and_what_is_missing_is_said(marts: DataDir) -> None:
    first, second = commit(marts).candidates
    assert kinds(first) == (["announced", "lines"], ["time", "files"], ["trailer"])
    assert kinds(second) == (["files"], [], ["announced", "lines", "time", "trailer"])
    place = first.supporting[1]
    assert (place.log, place.line_number, place.path) == (f"raw/one/sessions/{FIRST}.jsonl", 2, "src/fetch.py")
    assert first.opposing[1].log is None
    (rival,) = second.rivals
    assert rival.session_id == FIRST
    assert [(more.evidence_kind, more.theirs, more.ours) for more in rival.more] == [
        ("announced", 2.5, 0.0),
        ("lines", 1.2, 0.0),
    ]
    assert [(more.evidence_kind, more.ours) for more in first.rivals[0].more] == [("files", 0.0)]
    change(marts, "update main.correlation_evidence set contribution = 0.09 where evidence_kind = 'files'")
    assert commit(marts).candidates[0].rivals == []  # a little more is no news


def test_a_log_that_was_never_landed_keeps_the_path_that_the_mart_has(marts: DataDir) -> None:
    change(marts, "delete from raw.session_files", "delete from raw.session_lines")
    found = commit(marts, with_lines=True).candidates[0].supporting[0]
    assert (found.log, found.line) == (f"sessions/{FIRST}.jsonl", None)


def test_log_lines_are_read_where_they_are_asked_for(marts: DataDir) -> None:
    line = '{"type":"assistant","uuid":"u2","message":{"content":"[main ab12000] Retry the fetch"}}'
    found = commit(marts, with_lines=True).candidates[0]
    assert [item.line for item in found.supporting] == [line, line]
    assert [item.line for item in commit(marts).candidates[0].supporting] == [None, None]


def test_copies_are_named_from_both_sides(marts: DataDir) -> None:
    assert [(item.commit_sha, item.is_origin) for item in commit(marts).family] == [(TWO, False)]
    copy = commit(marts, TWO)
    assert copy.copy_of_sha == ONE
    assert [(item.commit_sha, item.is_origin) for item in copy.family] == [(ONE, True)]
    assert commit(marts, MERGE).family == []


def test_a_session_with_its_commits_and_near_misses(marts: DataDir) -> None:
    found = session(marts, "11111111-aaaa")
    assert ([item.link.commit_sha for item in found.accepted], found.near_misses) == ([ONE], [])
    other = session(marts, SECOND, best=1)
    assert (other.accepted, other.accepted_in_all, other.near_misses_in_all) == ([], 0, 2)
    assert [item.link.commit_sha for item in other.near_misses] == [ONE]


def test_a_session_tells_what_it_did(marts: DataDir) -> None:
    told = session(marts, FIRST).told
    assert [(turn.turn_index, turn.reaction, turn.cost_usd) for turn in told.turns] == [
        (1, "correct", 0.125),
        (2, "unknown", 0.125),
    ]
    assert [(model.model, model.responses, model.cost_usd) for model in told.models] == [
        ("old", 1, 0.25),
        ("new", 1, None),
    ]
    assert [(file.path, file.read, file.edited, file.written) for file in told.files] == [
        ("src/fetch.py", 2, 2, 0),
        ("/tmp/x", 0, 0, 2),
    ]
    assert [agent.session_id for agent in told.subagents] == [f"{FIRST}/agent-7"]
    assert [(source.path, source.lines) for source in told.sources] == [(f"raw/one/sessions/{FIRST}.jsonl", 2)]
    [problem] = told.problems
    assert (problem.reason, problem.count, problem.line_number) == ("malformed JSON", 2, 7)
    assert (told.redactions, told.is_lower_bound, told.total_tokens) == ({"aws_key": 2}, True, 1500)
    other = session(marts, SECOND).told
    assert (other.turns, other.files, other.problems, other.redactions) == ([], [], [], {})


def test_a_subagent_leads_to_its_session(marts: DataDir) -> None:
    found = session(marts, f"{FIRST}/agent-7")
    assert (found.session_id, found.asked_for) == (FIRST, f"{FIRST}/agent-7")
    change(marts, f"delete from main.sessions where session_id = '{SECOND}/agent-7'")
    assert session(marts, "agent-7").session_id == FIRST


def test_a_subagent_whose_session_is_gone_is_told_of(marts: DataDir) -> None:
    change(marts, f"delete from main.sessions where session_id = '{FIRST}'")
    found = session(marts, f"{FIRST}/agent-7")
    assert (found.session_id, found.title, found.started_at, found.told.agent) == (FIRST, None, None, None)
    assert found.told.is_lower_bound and [agent.session_id for agent in found.told.subagents] == [f"{FIRST}/agent-7"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("1111", f"session {FIRST} of one, session {SECOND} of one: give more characters"),
        ("ab1", "give 4 or more digits"),
        ("ffff", "No commit and no session begins with 'ffff'"),
        ("", "No commit and no session begins with ''"),
        ("%", "begins with '%'"),
        ("' or true --", "No commit and no session"),
        (ESCAPE, "\ufffd]0;owned"),
    ],
)
def test_what_fits_nothing_or_too_much_is_said(marts: DataDir, target: str, said: str) -> None:
    with pytest.raises(IngestError) as raised:
        explain(marts, target)
    assert said in str(raised.value) and "\x1b" not in str(raised.value)


def test_a_hash_of_two_projects_needs_the_project(marts: DataDir) -> None:
    save_projects(marts, [project("one"), project("two")])
    with opened(marts) as connection:
        add(connection, "main.commits", [{"project_id": "two", "commit_sha": ONE}])
        add(connection, "main.commits", [{"project_id": "two", "commit_sha": "1111" + "e" * 36}])
    with pytest.raises(IngestError, match=r"of one, commit .* of two: choose one with --project"):
        explain(marts, ONE)
    assert commit(marts, ONE, project_id="two").author_name is None
    with pytest.raises(IngestError, match=r"fits commit 1111eeeeeeeeeeee of two, session .*, session .*: give more"):
        explain(marts, "1111")
    assert commit(marts, "1111", project_id="two").commit_sha.startswith("1111e")
    with pytest.raises(IngestError, match="No project 'three'"):
        explain(marts, ONE, project_id="three")


def test_many_matches_are_cut(marts: DataDir) -> None:
    with opened(marts) as connection:
        rows = [{"project_id": "one", "commit_sha": f"ab1{index:x}" + "7" * 36} for index in range(10)]
        add(
            connection, "main.commits", [{**row, "commit_sha": "beef" + str(row["commit_sha"])[4:]} for row in rows[:1]]
        )
        add(
            connection, "main.commits", [{"project_id": "one", "commit_sha": f"feed{index:036x}"} for index in range(9)]
        )
    with pytest.raises(IngestError, match="and 4 more: give more characters"):
        explain(marts, "feed")


def test_an_id_that_is_a_word_is_found_whole(marts: DataDir) -> None:
    with opened(marts) as connection:
        for name in ("s1", "s12", "odd [id] \u202e'\"\x1b[31m"):
            add(connection, "main.sessions", [{"session_id": name, "root_session_id": name, "project_id": "one"}])
    assert session(marts, "s1").session_id == "s1"
    assert session(marts, "odd [").title is None
    with pytest.raises(IngestError, match="begins with 's'"):
        explain(marts, "s")


def test_empty_marts_say_what_to_run(data: DataDir) -> None:
    build(data, empty=True)
    with pytest.raises(IngestError, match="no commit and no session yet: run `python -m ingest sync`"):
        explain(data, ONE)


def test_marts_that_are_not_there_say_what_to_run(data: DataDir) -> None:
    with pytest.raises(IngestError, match="There is no database"):
        explain(data, ONE)
    build(data)
    change(data, "alter table main.commits drop column copy_of_sha")
    with pytest.raises(IngestError, match="no column copy_of_sha in mart commits: run `dbt build`"):
        explain(data, ONE)
    change(data, "drop table main.correlations", "alter table main.commits add column copy_of_sha varchar")
    with pytest.raises(IngestError, match="no mart correlations yet: run `dbt build`"):
        explain(data, ONE)


def test_without_the_seed_of_kinds_nothing_is_called_missing(marts: DataDir) -> None:
    change(marts, "drop table reference.evidence_kinds")
    assert commit(marts).candidates[0].missing == []


def test_numbers_may_be_decimals(built: Shell) -> None:
    change(
        DataDir(built.data),
        *(
            f"alter table main.{table} alter column {column} type decimal(18, 6)"
            for table, columns in (
                ("correlations", ("confidence", "score")),
                ("correlation_evidence", ("strength", "weight", "contribution")),
                ("commits", ("link_confidence",)),
            )
            for column in columns
        ),
    )
    assert "confidence 0.97 (high), accepted" in built.run("explain", ONE).stdout
    assert built.json("explain", ONE)["candidates"][1]["rivals"][0]["more"][0]["theirs"] == 2.5
    assert built.json("low-confidence")["links"] == {"one": 2}


def test_a_database_that_is_open_elsewhere_is_named(marts: DataDir) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; held = duckdb.connect({str(marts.database)!r}); print('held', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(IngestError, match=f"in use by process {holder.pid}"):
            explain(marts, ONE)
    finally:
        holder.communicate(b"\n")


def test_a_thousand_candidates_are_bounded(marts: DataDir) -> None:
    with opened(marts) as connection:
        connection.execute("delete from main.correlations")
        connection.execute("delete from main.correlation_evidence")
        add(connection, "main.correlations", [rejected("s0", ONE, link_rank=1)])
        add(connection, "main.correlation_evidence", [evidence("s0", ONE, "files", 0.5)])
        connection.execute(
            "insert into main.correlations select l.* replace ('s' || i as session_id, i + 1 as link_rank) "
            "from main.correlations as l, range(1, 1000) as r(i)"
        )
        connection.execute(
            "insert into main.correlation_evidence select e.* replace ('s' || i as session_id, i as contribution) "
            "from main.correlation_evidence as e, range(1, 1000) as r(i)"
        )
        # … and as many commits of one session
        connection.execute(
            "insert into main.correlations select * replace ('s0' as session_id, md5(session_id) as commit_sha) "
            "from main.correlations"
        )
    started = time.monotonic()
    found = commit(marts, best=None)
    assert (len(found.candidates), found.candidates_in_all) == (1000, 1000)
    assert len(found.candidates[0].rivals) == 5 and found.candidates[999].rivals == []
    assert len(session(marts, FIRST).near_misses) == 0
    assert time.monotonic() - started < 20
