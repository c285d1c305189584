"""Landing: archived transcripts → the tables of schema `raw`."""

from __future__ import annotations

import hashlib
import json
import random

import pytest

from ingest import landing_lines
from ingest.errors import Problem
from ingest.landing import file_id
from ingest.paths import DataDir
from ingest.registry import save_projects
from tests.ingest.landing_place import (
    TABLES,
    archive,
    ask,
    commit,
    content,
    lines,
    project,
    run,
    runs,
    token,
    write_history,
    write_labels,
)


def test_lines_and_file_rows(data: DataDir) -> None:
    archive(data, "a.jsonl", lines({"n": 1}, {"n": "ü"}))

    result = run(data)

    assert (result.files, result.lines, result.bytes, result.malformed_lines) == (1, 2, 25, 0)
    identifier = file_id("one", "sessions/a.jsonl")
    assert identifier == hashlib.md5(b"one/sessions/a.jsonl").hexdigest()[:16]
    assert ask(data, "select file_id, line_number, is_json, line, run_id from raw.session_lines order by 2") == [
        (identifier, 1, True, '{"n": 1}', "run-1"),
        (identifier, 2, True, '{"n": "\\u00fc"}', "run-1"),
    ]
    assert ask(data, "select session_id, version, bytes, lines, sidecar from raw.session_files") == [
        ("a", 1, 25, 2, None)
    ]
    assert ask(data, "select project_id, name, added_at::varchar from raw.projects") == [
        ("one", "One", "2026-01-02 03:04:05")
    ]


def test_landing_twice_changes_nothing(data: DataDir) -> None:
    archive(data, "a.jsonl", lines({"n": 1}) + b"broken\n", pending_bytes=3)
    write_history(data, [commit("a1")])
    run(data)
    before = data.database.read_bytes()
    rows = content(data)

    result = run(data, "run-2")

    assert (result.files, result.lines, result.commits, result.malformed_lines) == (0, 0, 0, 0)
    assert result.parse_errors == 2
    assert content(data) == rows
    assert ask(data, "select distinct run_id from raw.session_files union select run_id from raw.parse_errors") == [
        ("run-1",)
    ]
    assert len(data.database.read_bytes()) == len(before)


def test_a_grown_file_gets_only_its_new_lines(data: DataDir) -> None:
    first = lines({"n": 1}) + b"broken\n"
    archive(data, "a.jsonl", first)
    run(data)
    archive(data, "a.jsonl", first + lines({"n": 3}, {"t": token()}), last_run_id="run-2")

    result = run(data, "run-2")

    assert result.lines == 2
    assert ask(data, "select line_number, run_id from raw.session_lines order by 1") == [
        (1, "run-1"),
        (2, "run-1"),
        (3, "run-2"),
        (4, "run-2"),
    ]
    assert ask(data, "select lines, last_run_id from raw.session_files") == [(4, "run-2")]
    assert ask(data, "select line_number from raw.parse_errors") == [(2,)]
    assert ask(data, "select line_number, rule_id, token from raw.redactions") == [(4, "aws_access_key", token())]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lines({"n": 1}, {"n": 2}), lines({"n": 1})),  # fewer lines
        (lines({"n": 1}, {"t": token()}), lines({"n": 9}, {"n": 2}, {"n": 3})),  # other bytes, more lines
        (lines({"n": 1}) + b"broken", lines({"n": 1}) + b"broken more\n"),  # the last line went on
        (b"broken\n", b""),
    ],
)
def test_a_file_that_is_no_continuation_is_landed_again_whole(data: DataDir, before: bytes, after: bytes) -> None:
    archive(data, "a.jsonl", before)
    run(data)
    archive(data, "a.jsonl", after)
    run(data, "run-2")
    rows = content(data)
    data.database.unlink()
    run(data, "run-3")

    assert rows == content(data)
    assert [row[0] for row in ask(data, "select line from raw.session_lines order by line_number")] == [
        line.decode() for line in after.splitlines()
    ]


def test_both_versions_of_a_rewritten_source_are_there(data: DataDir) -> None:
    archive(data, "a.jsonl", lines({"n": 1}))
    run(data)
    archive(data, "a.v2.jsonl", lines({"n": 2}, {"n": 3}), session_id="a", version=2)
    run(data, "run-2")

    assert ask(data, "select session_id, version, lines, run_id from raw.session_files order by 2") == [
        ("a", 1, 1, "run-1"),
        ("a", 2, 2, "run-2"),
    ]


def test_odd_lines_are_kept_and_reported(data: DataDir) -> None:
    long = json.dumps({"text": "x" * 2_000_000})
    odd = [
        b'{"a": 1}',
        b"not json",
        b"",
        b"   ",
        b"[1, 2]",
        b'  {"b": 2}\r',
        b'{"nul": "\x00"}',
        b'{"bad": "\xff"}',
        b'{"bad": "\xed\xa0\xbd" ',
        rb'{"half": "\ud83d!", "whole": "\ud83d\ude00", "text": "\\ud83d"}',
        long.encode(),
        b'{"no": "newline"}',
    ]
    archive(data, "odd.jsonl", b"\n".join(odd), archived_lines=len(odd))

    result = run(data)

    landed = ask(data, "select line_number, is_json, line from raw.session_lines order by 1")
    assert [row[0] for row in landed] == list(range(1, 13))
    assert [row[0] for row in landed if not row[1]] == [2, 3, 4, 7, 9]
    texts = [row[2] for row in landed]
    assert texts[6] == '{"nul": "\x00"}'
    assert texts[7] == '{"bad": "\ufffd"}'
    assert texts[9] == r'{"half": "\ufffd!", "whole": "\ud83d\ude00", "text": "\\ud83d"}'
    assert texts[10] == long
    assert texts[11] == '{"no": "newline"}'
    assert ask(data, "select line_number, reason from raw.parse_errors order by 1, 2") == [
        (2, "malformed JSON"),
        (5, "JSON that is no object"),
        (7, "malformed JSON"),
        (8, "invalid UTF-8"),
        (9, "invalid UTF-8"),
        (9, "malformed JSON"),
        (10, "half a surrogate pair"),
    ]
    assert (result.malformed_lines, result.parse_errors) == (4, 7)
    details = " ".join(str(row[0]) for row in ask(data, "select detail from raw.parse_errors"))
    assert "not json" not in details and "bad" not in details


def test_an_empty_file_is_a_row_without_lines(data: DataDir) -> None:
    archive(data, "empty.jsonl", b"")
    archive(data, "blank.jsonl", b"\n")
    run(data)

    assert ask(data, "select session_id, lines from raw.session_files order by 1") == [("blank", 1), ("empty", 0)]
    assert ask(data, "select count(*) from raw.parse_errors") == [(0,)]

    archive(data, "empty.jsonl", lines({"n": 1}))
    run(data, "run-2")
    assert ask(data, "select lines from raw.session_files where session_id = 'empty'") == [(1,)]


def test_a_line_count_that_is_not_the_archives_is_reported(data: DataDir) -> None:
    archive(data, "a.jsonl", lines({"n": 1}, {"n": 2}), archived_lines=3)
    run(data)
    assert ask(data, "select reason, detail from raw.parse_errors") == [
        ("line count differs from the manifest", "2, not 3")
    ]


def test_bytes_that_the_manifest_does_not_name_are_not_landed(data: DataDir) -> None:
    whole = lines({"n": 1})
    archive(data, "a.jsonl", whole + b'{"half', archived_bytes=len(whole), archived_lines=1)
    run(data)

    assert ask(data, "select line from raw.session_lines") == [('{"n": 1}',)]


def test_a_kill_between_batches_repeats_cleanly(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(1)
    for number in range(6):
        records = [{"n": index, "pad": "x" * random.randrange(200)} for index in range(40)]
        records.append({"longer than a batch": "y" * 6_000})
        archive(data, f"s{number}.jsonl", lines(*records) + b"broken\n" + lines({"t": token()}))
    run(data)
    whole = content(data)
    data.database.unlink()
    # Batches smaller than a file, so that a kill also falls inside of one.
    monkeypatch.setattr(landing_lines, "BATCH_BYTES", 2_500)
    monkeypatch.setattr(landing_lines, "READ_BYTES", 100)

    for allowed in (0, 1, 2, 3):
        left = [allowed]
        real = landing_lines.replace_file_rows

        def killed(*arguments: object, left: list[int] = left, real: object = real) -> None:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            real(*arguments)  # type: ignore[operator]

        with monkeypatch.context() as patched:
            patched.setattr(landing_lines, "replace_file_rows", killed)
            with pytest.raises(KeyboardInterrupt):
                run(data, "killed")
        assert ask(
            data,
            "select count(*) from raw.session_files f where lines <> "
            "(select count(*) from raw.session_lines l where l.file_id = f.file_id)",
        ) == [(0,)]
    run(data, "run-2")

    assert content(data) == whole


def test_a_deleted_database_gives_the_same_rows(data: DataDir) -> None:
    save_projects(data, [project("one"), project("two")])
    for name in ("one", "two"):
        archive(data, "a.jsonl", lines({"n": 1}, {"t": token()}) + b"broken\n", project_id=name)
        write_history(data, [commit("a1", message=f"key {token()}")], name)
        write_labels(data, name)
    runs(data, "2026-01", [{"step": "land"}])
    run(data)
    archive(data, "a.jsonl", lines({"n": 1}, {"t": token()}) + b"broken\n" + lines({"n": 4}))
    moved = {"ref": "HEAD", "entry_index": 1, "commit_sha": "b2" * 20}
    write_history(data, [commit("a1", message=f"key {token()}"), commit("b2")], reflog=[moved])
    runs(data, "2026-01", [{"step": "land"}, {"step": "git"}])
    run(data, "run-2")
    rows = content(data)
    assert all(rows[table] for table in TABLES)

    data.database.unlink()
    run(data, "run-3")

    assert content(data) == rows


def test_a_vanished_project_and_a_vanished_file_go(data: DataDir) -> None:
    save_projects(data, [project("one"), project("two")])
    archive(data, "a.jsonl", lines({"t": token()}) + b"broken\n", project_id="two")
    archive(data, "a.jsonl", lines({"n": 1}))
    archive(data, "b.jsonl", lines({"n": 1}) + b"broken\n")
    write_history(data, [commit("a1", message=token())], "two")
    run(data)
    save_projects(data, [project("one")])
    kept = data.manifest("one").read_text().splitlines()[:1]
    data.manifest("one").write_text("\n".join(kept) + "\n")

    run(data, "run-2")

    rows = content(data)
    assert {row[0] for row in rows["projects"]} == {"one"}
    assert [row[3] for row in rows["session_files"]] == ["sessions/a.jsonl"]
    assert len(rows["session_lines"]) == 1
    for table in ("commits", "commit_files", "parse_errors", "redactions", "landed_files"):
        assert rows[table] == []


def test_a_missing_archive_keeps_what_was_landed_and_says_so(data: DataDir) -> None:
    archive(data, "a.jsonl", lines({"n": 1}))
    archive(data, "b.jsonl", lines({"n": 1}, {"n": 2}))
    write_history(data, [commit("a1")])
    run(data)
    (data.sessions("one") / "a.jsonl").unlink()
    (data.sessions("one") / "b.jsonl").write_bytes(lines({"n": 1}))
    data.git_metadata("one").unlink()
    run(data, "run-2")

    assert ask(data, "select path, reason from raw.parse_errors order by 1") == [
        ("git-metadata.json", "file is missing"),
        ("sessions/a.jsonl", "archived file cannot be read"),
        ("sessions/b.jsonl", "archived file is shorter than its manifest says"),
    ]
    assert ask(data, "select count(*) from raw.commits") == [(1,)]
    assert ask(data, "select session_id, lines from raw.session_files order by 1") == [("a", 1), ("b", 1)]

    data.manifest("one").unlink()
    assert run(data, "run-3").parse_errors == 2
    assert ask(data, "select count(*) from raw.session_files") == [(2,)]


def test_problems_of_every_step_are_replaced_not_repeated(data: DataDir) -> None:
    entry = archive(data, "a.jsonl", lines({"n": 1}), pending_bytes=7, problem="symbolic link")
    data.processed("one").mkdir(parents=True)
    (data.processed("one") / "git-problems.jsonl").write_text(
        json.dumps({"step": "git", "path": "x", "reason": "missing blob", "detail": "d", "line_number": None})
        + "\nhalf a li\n"
    )
    given = Problem("archive", "elsewhere", "symbolic link")
    for run_id in ("run-1", "run-2"):
        run(data, run_id, problems={"one": [given, given]})

    assert ask(data, "select step, path, line_number, reason from raw.parse_errors order by all") == [
        ("archive", "elsewhere", None, "symbolic link"),
        ("archive", "sessions/a.jsonl", None, "incomplete last line"),
        ("archive", "sessions/a.jsonl", None, "symbolic link"),
        ("git", "x", None, "missing blob"),
        ("landing", "git-problems.jsonl", 2, "malformed JSON"),
    ]

    archive(data, "a.jsonl", lines({"n": 1}), content_hash=entry.content_hash)
    (data.processed("one") / "git-problems.jsonl").unlink()
    assert run(data, "run-3").parse_errors == 0


def test_sidecar_of_a_subagent(data: DataDir) -> None:
    path = "p/subagents/agent-1"
    archive(data, f"{path}.jsonl", lines({"n": 1}), session_id="p/agent-1", parent_session_id="p")
    archive(data, f"{path}.v2.jsonl", lines({"n": 2}), session_id="p/agent-1", parent_session_id="p", version=2)
    archive(data, "p/tool-results/x.txt", b"text\n", kind="sidecar")
    run(data)
    assert ask(data, "select sidecar from raw.session_files") == [(None,), (None,)]

    archive(data, f"{path}.meta.json", b'{"agentType":"Explore"}', kind="sidecar")
    result = run(data, "run-2")

    assert result.lines == 0
    assert (
        ask(data, "select parent_session_id, sidecar, run_id from raw.session_files")
        == [("p", '{"agentType":"Explore"}', "run-2")] * 2
    )
    assert ask(data, "select count(*), min(run_id) from raw.session_lines") == [(2, "run-1")]


@pytest.mark.parametrize("bad", [b"", b"\xff"])
def test_a_byte_order_mark_is_no_part_of_the_first_record(data: DataDir, bad: bytes) -> None:
    mark = "\ufeff".encode()
    first = mark + b'{"n": "' + bad + b'"}\n' + lines({"n": 2})
    archive(data, "a.jsonl", first)

    result = run(data)

    assert (result.lines, result.bytes, result.malformed_lines) == (2, len(first), 0)
    shown = '{"n": "' + bad.decode("utf-8", "replace") + '"}'
    assert ask(data, "select is_json, line from raw.session_lines order by line_number") == [
        (True, shown),
        (True, '{"n": 2}'),
    ]
    errors = [(1, "byte order mark"), *([(1, "invalid UTF-8")] if bad else [])]
    assert ask(data, "select line_number, reason from raw.parse_errors order by reason") == errors

    # At the start of a later line, also where that is all there is to read, it is what it looks like: no JSON.
    archive(data, "a.jsonl", first + mark + lines({"n": 3}), last_run_id="run-2")
    assert run(data, "run-2").malformed_lines == 1
    assert ask(data, "select line_number, reason from raw.parse_errors order by all") == [
        *errors,
        (3, "malformed JSON"),
    ]


def test_a_file_that_is_only_a_byte_order_mark_has_one_empty_line(data: DataDir) -> None:
    archive(data, "a.jsonl", "\ufeff\n".encode())

    run(data)

    assert ask(data, "select line_number, is_json, line from raw.session_lines") == [(1, False, "")]
    assert ask(data, "select line_number, reason from raw.parse_errors") == [(1, "byte order mark")]
