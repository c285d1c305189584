"""Landing: the data directory's files → schema `raw`."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import duckdb
import pytest

from ingest import landing_git, landing_lines
from ingest.database import opened
from ingest.errors import IngestError, Problem
from ingest.landing import LandingResult, file_id, land
from ingest.manifest import ManifestEntry
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.registry import Project, load_projects, save_projects

TABLES = {
    "projects": "project_id, name, status",
    "session_files": "* exclude (run_id, loaded_at)",
    "session_lines": "* exclude (run_id, loaded_at)",
    "commits": "* exclude (run_id, loaded_at)",
    "commit_files": "* exclude (run_id, loaded_at)",
    "parse_errors": "* exclude (run_id, loaded_at)",
    "redactions": "* exclude (run_id, loaded_at)",
    "ingest_runs": "* exclude (loaded_at)",
    "landed_files": "* exclude (run_id, loaded_at)",
}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    save_projects(data, [project("one")])
    return data


def project(project_id: str) -> Project:
    return Project(
        project_id=project_id,
        name=project_id.title(),
        repository=None,
        repository_paths=(),
        session_directories=("/sessions/" + project_id,),
        git_metadata=None,
        status="completed",
        added_at="2026-01-02T03:04:05Z",
        since=None,
        notes="",
        instrumentation_tier=None,
    )


def archive(
    data: DataDir, name: str, content: bytes, *, project_id: str = "one", kind: str = "transcript", **changes: object
) -> ManifestEntry:
    """Put a file into the archive, as the archive itself would leave it."""
    path = f"sessions/{name}"
    file = data.raw(project_id) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    values: dict[str, object] = {
        "path": path,
        "kind": kind,
        "agent": "claude-code",
        "source": f"/sessions/{name}",
        "session_id": Path(name).name.split(".")[0],
        "parent_session_id": None,
        "version": 1,
        "source_size": len(content),
        "source_mtime_ns": 1,
        "source_hash": "ab",
        "consumed_bytes": len(content),
        "archived_bytes": len(content),
        "archived_lines": content.count(b"\n"),
        "content_hash": hashlib.sha256(content).hexdigest(),
        "pending_bytes": 0,
        "tail_taken": False,
        "rules_version": "1",
        "first_run_id": "run-1",
        "last_run_id": "run-1",
        "problem": None,
    }
    entry = ManifestEntry(**{**values, **changes})  # type: ignore[arg-type]
    with data.manifest(project_id).open("a") as manifest:
        manifest.write(json.dumps(asdict(entry)) + "\n")
    return entry


def write_history(data: DataDir, commits: Sequence[dict[str, object]], project_id: str = "one") -> None:
    path = data.git_metadata(project_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"commits":[\n' + ",\n".join(map(json.dumps, commits)) + "\n]}\n")


def run(data: DataDir, run_id: str = "run-1", **options: object) -> LandingResult:
    return land(data, load_projects(data), run_id, **options)  # type: ignore[arg-type]


def ask(data: DataDir, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(data.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def content(data: DataDir) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sorted(ask(data, f"select {columns} from raw.{table}"), key=repr) for table, columns in TABLES.items()
    }


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def token(rule: str = "aws_access_key") -> str:
    return f"[REDACTED:{rule}:{'A2B3' * 4}]"


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
    runs(data, "2026-01", [{"step": "land"}])
    run(data)
    archive(data, "a.jsonl", lines({"n": 1}, {"t": token()}) + b"broken\n" + lines({"n": 4}))
    write_history(data, [commit("a1", message=f"key {token()}"), commit("b2")])
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


def commit(sha: str, **changes: object) -> dict[str, object]:
    file = {
        "path": "a.py",
        "old_path": None,
        "status": "added",
        "insertions": 2,
        "deletions": 0,
        "added_line_hashes": ["0123456789abcdef"],
        "removed_line_hashes": None,
    }
    return {
        "sha": sha * 20,
        "parents": [],
        "author_name": "Ada",
        "author_email": "ada@example.org",
        "authored_at": "2026-01-03T18:07:37+01:00",
        "committer_name": "Ada",
        "committer_email": "ada@example.org",
        "committed_at": "2026-01-03T18:07:37+01:00",
        "message": "Add a",
        "files": [file],
        "source_ref": "refs/heads/main",
        "is_reachable": True,
        **changes,
    }


def test_commits_are_replaced_when_the_file_changed(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_git, "BATCH_BYTES", 1)
    write_history(data, [commit("a1"), commit("b2", message=f"key {token()} and {token('jwt')}")])
    assert run(data).commits == 2
    assert run(data, "run-2").commits == 0
    assert ask(data, "select distinct run_id from raw.commits") == [("run-1",)]

    write_history(data, [commit("a1"), commit("b2", files=[]), commit("c3", parents=["b2" * 20])])
    assert run(data, "run-3").commits == 3
    assert ask(data, "select left(commit_sha, 2), parents, is_reachable, is_boundary from raw.commits order by 1") == [
        ("a1", [], True, None),
        ("b2", [], True, None),
        ("c3", ["b2" * 20], True, None),
    ]
    assert ask(
        data, "select left(commit_sha, 2), file_index, added_line_hashes, removed_line_hashes from raw.commit_files"
    ) == [("a1", 1, ["0123456789abcdef"], None), ("c3", 1, ["0123456789abcdef"], None)]
    assert ask(data, "select count(*) from raw.redactions") == [(0,)]


def test_redactions_in_commits_and_bad_commits(data: DataDir) -> None:
    write_history(
        data,
        [
            commit("a1", message=f"key {token()} and {token('jwt')}"),
            {"no": "sha"},
            commit("b2", is_reachable="yes"),
            commit("a1"),
        ],
    )
    with data.git_metadata("one").open("a") as file:
        file.write("{broken\n")
    result = run(data)

    assert (result.commits, result.redactions, result.parse_errors) == (1, 2, 4)
    assert ask(data, "select path, line_number, rule_id from raw.redactions order by 3") == [
        ("git-metadata.json", 2, "aws_access_key"),
        ("git-metadata.json", 2, "jwt"),
    ]
    assert ask(data, "select line_number, reason from raw.parse_errors order by 1") == [
        (3, "malformed commit"),
        (4, "malformed commit"),
        (5, "commit given twice"),
        (7, "malformed commit"),
    ]
    assert run(data, "run-2").parse_errors == 4


def runs(data: DataDir, month: str, records: Sequence[dict[str, object]]) -> None:
    data.runs.mkdir(parents=True, exist_ok=True)
    full = [
        {
            "run_id": f"r{index}",
            "project_id": None,
            "started_at": f"{month}-0{index + 1}T00:00:00",
            "ended_at": f"{month}-0{index + 1}T00:00:01",
            "status": "ok",
            "counts": {"lines": 3},
            "bytes": 4,
            "error": None,
            **record,
        }
        for index, record in enumerate(records)
    ]
    (data.runs / f"{month}.jsonl").write_bytes(lines(*full))


def test_run_records_are_landed_once(data: DataDir) -> None:
    runs(data, "2026-01", [{"step": "a"}])
    (data.runs / "predictions.jsonl").write_text('{"something": "else"}\n')
    run(data)
    runs(data, "2026-01", [{"step": "a"}, {"step": "b", "status": "failed", "error": "x"}])
    with (data.runs / "2026-01.jsonl").open("a") as file:
        file.write('{"half a record": ')
    run(data)
    run(data)

    assert ask(data, "select run_id, step, status, counts, bytes, error from raw.ingest_runs order by 1") == [
        ("r0", "a", "ok", '{"lines":3}', 4, None),
        ("r1", "b", "failed", '{"lines":3}', 4, "x"),
    ]

    runs(data, "2026-01", [{"step": "c"}])
    runs(data, "2026-02", [{"step": "d"}])
    run(data)
    assert ask(data, "select step from raw.ingest_runs order by 1") == [("c",), ("d",)]


def test_the_database_is_private_compressed_and_accepted_by_dbt(data: DataDir) -> None:
    # Enough lines to fill a row group: compression is chosen when one is written out.
    archive(data, "a.jsonl", lines(*({"n": index, "text": "a word or two " * 20} for index in range(5_000))))
    run(data)

    assert stat.S_IMODE(data.database.stat().st_mode) == 0o600
    kinds = ask(
        data,
        "select distinct compression from pragma_storage_info('raw.session_lines') "
        "where column_name = 'line' and segment_type = 'VARCHAR'",
    )
    assert {str(kind[0]).lower() for kind in kinds} == {"zstd"}


def test_a_locked_database_is_one_sentence(data: DataDir) -> None:
    run(data)
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(data.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout and holder.stdout.readline() == b"open\n"
        archive(data, "a.jsonl", lines({"n": 1}))
        with pytest.raises(IngestError) as caught:
            run(data, "run-2")
    finally:
        holder.communicate()
    message = str(caught.value)
    assert str(data.database) in message and str(holder.pid) in message and "\n" not in message
    assert run(data, "run-2").lines == 1


@pytest.mark.parametrize("junk", [b"", b"hello", b"hello" * 10_000])
def test_a_file_that_is_no_database_is_one_sentence(data: DataDir, junk: bytes) -> None:
    data.database.write_bytes(junk)
    with pytest.raises(IngestError, match="not a database") as caught:
        run(data)
    assert str(data.database) in str(caught.value)
    assert data.database.read_bytes() == junk


def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(data: DataDir) -> None:
    random.seed(2)
    archive(data, "a.jsonl", lines(*({"n": random.randbytes(400).hex()} for _ in range(6_000))))
    run_with_limit = (
        "import resource, sys; from pathlib import Path\n"
        "from ingest.errors import IngestError; from ingest.landing import land\n"
        "from ingest.paths import DataDir; from ingest.registry import load_projects\n"
        "data = DataDir(Path(sys.argv[1])); resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "try:\n    land(data, load_projects(data), 'full')\n"
        "except IngestError as error:\n    print(error); sys.exit(7)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    done = subprocess.run(
        [sys.executable, "-c", run_with_limit, str(data.root)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PRODUCT_ROOT)},
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert str(data.database) in done.stdout and len(done.stdout.splitlines()) == 1

    assert run(data, "run-2").lines == 6_000
    assert ask(data, "select count(*), count(distinct line_number) from raw.session_lines") == [(6_000, 6_000)]


def test_progress_counts_bytes(data: DataDir) -> None:
    archive(data, "a.jsonl", lines({"n": 1}))
    archive(data, "b.jsonl", lines({"n": 2}))
    seen: list[tuple[int, int]] = []
    run(data, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (18, 18)


def test_many_files_in_one_batch_keep_their_numbers(data: DataDir) -> None:
    for number in range(50):
        archive(data, f"s{number:02}.jsonl", lines(*({"f": number, "l": line} for line in range(1, number + 1))))
    run(data)
    assert ask(
        data,
        "select count(*) from raw.session_lines l join raw.session_files f using (file_id) "
        "where (line->>'f')::int <> substr(session_id, 2)::int or (line->>'l')::int <> line_number",
    ) == [(0,)]
    assert ask(data, "select count(*) from raw.session_lines") == [(49 * 50 // 2,)]


def test_the_ddl_is_the_macro_that_dbt_runs(data: DataDir) -> None:
    with opened(data) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'raw' order by 1"
        ).fetchall()
    assert {row[0] for row in tables} >= {*TABLES, "labels"}


@pytest.mark.skipif(not os.environ.get("OPE_CORPUS_DIR"), reason="OPE_CORPUS_DIR names no real data")
def test_the_real_history(data: DataDir) -> None:
    source = Path(os.environ["OPE_CORPUS_DIR"]) / "entire-cli" / "git-metadata.json"
    data.processed("one").mkdir(parents=True)
    data.git_metadata("one").write_bytes(source.read_bytes())
    result = run(data)
    assert (result.commits, result.parse_errors) == (1640, 0)
    assert ask(data, "select count(*) from raw.commits where len(parents) > 1") == [(381,)]
