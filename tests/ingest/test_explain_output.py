"""`explain`: what the command prints of a commit and of a session."""

from __future__ import annotations

from ingest.database import opened
from ingest.explain_output import moment, reason, share, telling_part
from ingest.paths import DataDir
from ingest.terminal import plain_table, visible
from tests.ingest.correlation_place import FIRST, MERGE, ONE, SECOND, TWO, add, change, evidence, link, rejected
from tests.ingest.shell import Shell
from tests.ingest.test_explain import ESCAPE


def test_the_command_prints_a_commit(built: Shell) -> None:
    shown = built.run("explain", "ab12", "--lines").stdout
    lines = [line.strip() for line in shown.splitlines()]
    assert lines[0] == f"commit {ONE}  Retry the fetch"
    assert f"linked to session {FIRST} (confidence 0.97)" in lines
    assert "modified src/fetch.py (+10 −2, 9 by an agent)" in lines
    assert "renamed new.bin from old.bin (binary)" in lines
    assert "confidence 0.97 (high), accepted" in lines
    assert f"raw/one/sessions/{FIRST}.jsonl:2 → src/fetch.py" in lines
    assert '│ …"message":{"content":"[main ab12000] Retry the fetch"}}' in lines
    assert "missing: announced, lines, time, trailer" in lines
    assert shown.index("+2.50  announced") < shown.index("+1.20  lines") < shown.index("-0.30  time")
    rejected_line = next(line for line in lines if "not accepted" in line)
    assert rejected_line.endswith(f"the confidence is too low; the commit is linked to session {FIRST}")
    assert any(line.startswith(f"session {FIRST} (confidence 0.97) has more: announced (+2.50") for line in lines)
    assert "… and 1 candidate more" in built.run("explain", ONE, "--best", "1").stdout


def test_the_command_prints_a_session_and_what_is_left_out(built: Shell) -> None:
    shown = built.run("explain", f"{SECOND}/agent-7", "--best", "1").stdout
    assert "the edits of subagents count for their session" in shown
    assert "0 commits linked to it" in shown and "2 commits that it was a candidate for" in shown
    assert "… and 1 commit more: --all" in shown
    assert "more: --all" not in built.run("explain", SECOND, "--all").stdout


def test_the_command_prints_what_a_session_did(built: Shell) -> None:
    lines = [" ".join(line.split()) for line in built.run("explain", FIRST).stdout.splitlines()]
    assert lines[0] == f"session {FIRST} Fix the fetcher"
    for wanted in (
        "active 10 min, 3 tool calls, 1 error, 0 interruptions, 0 refusals",
        "claude-code 2.1.9, 1,500 tokens, at least, $0.25",
        "malformed lines",
        "1 please retry human_prompt debug 2 750 $0.12 correct 0.80",
        "2 please retry human_prompt debug 2 750 $0.12 –",
        "new 1 750 –",
        "src/fetch.py: read 2×, edited 2×",
        f"{ONE[:10]} 0.97 announced Retry the fetch",
        "agent-7 – Fix the fetcher 3 500 <$0.01",
        f"raw/one/sessions/{FIRST}.jsonl (2 lines, 900 B)",
        f"malformed JSON: 2 (first raw/one/sessions/{FIRST}.jsonl:7)",
        "replaced secrets: aws_key 2",
    ):
        assert wanted in lines, wanted
    assert built.json("explain", FIRST)["told"]["turns"][0]["prompt"] == "please retry"
    assert "+2.50  announced" in built.run("explain", FIRST, "--all").stdout
    with opened(DataDir(built.data)) as connection:
        rows = [{"session_id": FIRST, "turn_index": index} for index in range(3, 20)]
        add(connection, "main.turns", rows)
    assert "… and 7 more: --all" in built.run("explain", FIRST).stdout
    assert "more: --all" not in built.run("explain", FIRST, "--all").stdout
    change(DataDir(built.data), "drop table main.file_touches")
    assert "no mart file_touches yet: run `dbt build`" in built.run("explain", FIRST, code=1).stderr
    assert built.run("explain", ONE).stdout


def test_the_command_prints_a_commit_that_nobody_is_linked_to(built: Shell) -> None:
    shown = built.run("explain", MERGE).stdout
    assert "linked to no session: a merge is linked to no session" in shown
    assert shown.count("a merge is linked to no session") == 1
    assert "No session is a candidate" in shown
    change(DataDir(built.data), "update main.commits set unlinked_reason = null, is_bot = true")
    shown = built.run("explain", MERGE).stdout
    assert "policy: a merge is linked to no session, a bot wrote the commit" in shown
    assert "linked to no session: no reason is given" in shown


def test_long_lists_are_cut_unless_all_is_asked_for(built: Shell) -> None:
    with opened(DataDir(built.data)) as connection:
        rows = [evidence(FIRST, ONE, "lines", 0.1, path=f"f{index}", line_number=index) for index in range(40)]
        add(connection, "main.correlation_evidence", rows)
        file = {"project_id": "one", "commit_sha": ONE, "status": "added"}
        add(connection, "main.commit_files", [{**file, "file_index": 9 + i, "path": f"p{i}"} for i in range(20)])
    shown = built.run("explain", ONE).stdout
    assert "… and 12 files more: --all" in shown and "… and 22 more: --all" in shown
    assert "more: --all" not in built.run("explain", ONE, "--all").stdout


def test_json_has_the_same_and_whole_texts(built: Shell) -> None:
    found = built.json("explain", ONE, "--lines")
    assert (found["kind"], found["commit_sha"], found["authored_at"]) == ("commit", ONE, "2026-01-02T12:00:00Z")
    first = found["candidates"][0]
    assert (first["link"]["session_id"], first["supporting"][0]["line_number"]) == (FIRST, 2)
    assert first["rivals"][0]["more"][0]["theirs"] == 0.4
    assert built.json("explain", FIRST)["kind"] == "session"


def test_nothing_foreign_moves_the_cursor(built: Shell) -> None:
    hostile = f"evil {ESCAPE}\r\nsecond\u202eline \x9b31m 漢字"
    place = DataDir(built.data)
    quoted = hostile.replace("'", "''")
    change(
        place,
        f"update main.commits set subject = '{quoted}', author_name = '{quoted}', source_ref = '{quoted}'",
        f"update main.commit_files set path = '{quoted}', old_path = '{quoted}', status = '{quoted}'",
        f"update main.sessions set title = '{quoted}', git_branches = '{quoted}', agent = '{quoted}'",
        f"update main.turns set prompt = '{quoted}', kind = '{quoted}', directive = '{quoted}'",
        f"update main.token_usage set model = '{quoted}'",
        f"update main.file_touches set path = '{quoted}', relative_path = '{quoted}'",
        f"update raw.session_files set path = '{quoted}'",
        f"update raw.parse_errors set path = '{quoted}', reason = '{quoted}'",
        f"update main.correlation_evidence set detail = '{quoted}', path = '{quoted}', file_id = null, "
        f"session_path = '{quoted}', evidence_kind = evidence_kind || '{quoted}'",
        f"update main.correlations set method = '{quoted}', band = '{quoted}', rejection_reason = '{quoted}'",
        f"update reference.evidence_kinds set evidence_kind = '{quoted}'",
    )
    for target in (ONE, TWO, FIRST, SECOND):
        shown = built.run("explain", target, "--all", "--lines").stdout
        assert "漢字" in shown
        assert not set(shown) & {"\x1b", "\x07", "\r", "\u202e", "\x9b"}
        assert "\nsecond" not in shown
    assert built.json("explain", ONE)["subject"] == hostile  # JSON escapes it, and keeps it


def test_every_branch_of_a_candidate_is_printed(built: Shell) -> None:
    place = DataDir(built.data)
    change(place, "delete from main.correlation_evidence", "delete from main.correlations")
    with opened(place) as connection:
        add(
            connection,
            "main.correlations",
            [
                link(FIRST, ONE, seconds_after_last_edit=-5, is_copy=True, is_in_sample=True, commit_lines=None),
                rejected(
                    SECOND,
                    ONE,
                    seconds_after_last_edit=None,
                    commit_files=None,
                    rejection_reason="something_new",
                    confidence=None,
                    band=None,
                    method=None,
                ),
            ],
        )
    shown = built.run("explain", ONE).stdout
    assert "committed 5 s before its last edit, evidence of a copy counts too, the weights have seen its label" in shown
    assert "confidence – (no band), not accepted: something new; the commit" in shown
    assert "method none, tier 3, rank 2, 9 of 12 lines" in shown
    assert shown.count("for: nothing") == 2
    for seconds, text in ((7200, "2 h after"), (864000, "10 days after"), (600, "10 min after")):
        change(place, f"update main.correlations set seconds_after_last_edit = {seconds}")
        assert f"committed {text} its last edit" in built.run("explain", ONE).stdout


def test_texts_for_one_line() -> None:
    assert visible(None) == "" and visible("a\tb\n c") == "a b c"
    assert visible("漢字漢字", 5) == "漢字…" and visible("abcdef", 6) == "abcdef"
    assert visible("x" * 10_000_000, 3) == "xx…"
    assert visible("👩\u200d💻 \ud800\x00") == "👩\u200d💻 \ufffd\ufffd"
    assert plain_table(("a", "b"), [("漢字", "1"), ("xyz", "2")]) == ["a     b", "漢字  1", "xyz   2"]
    assert (share(0.996), share(1.0), share(None), moment(None)) == ("0.99", "1.00", "–", "–")
    assert reason("gate") == "the links of this project failed the quality gate"


def test_the_telling_part_of_a_line() -> None:
    filler = '{"parentUuid":"' + "p" * 500 + '","message":{"content":"'
    line = f'{filler}{"a" * 500} the match {"b" * 500}"}}}}'
    assert "the match" in telling_part(line, "the match", 60)
    assert telling_part(line, None, 40).startswith('…"message":{"content":"aaa')
    assert telling_part("no json at all", "x", 40) == "no json at all"
    assert telling_part("", None) == ""
    assert telling_part(line, "p", 40).startswith('…"message":')  # a short text stands anywhere
    assert len(telling_part(line, "the match", 60)) <= 61
