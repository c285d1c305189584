"""A database with the marts of links as `dbt build` makes them, small and written by hand."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path

import duckdb

from ingest.database import opened
from ingest.paths import DataDir

TABLES = {
    "main.commits": "project_id varchar, commit_sha varchar, subject varchar, message varchar, author_name varchar, "
    "author_email varchar, authored_at timestamp, committed_at timestamp, source_ref varchar, is_merge boolean, "
    "is_bot boolean, insertions bigint, deletions bigint, copy_of_sha varchar, family_id varchar, "
    "linked_session_id varchar, link_confidence double, unlinked_reason varchar",
    "main.commit_files": "project_id varchar, commit_sha varchar, file_index integer, path varchar, old_path varchar, "
    "status varchar, insertions bigint, deletions bigint, is_binary boolean",
    "main.commit_attribution": "project_id varchar, commit_sha varchar, path varchar, added_lines bigint, "
    "agent_lines bigint, changed_lines bigint, other_lines bigint",
    "main.sessions": "session_id varchar, root_session_id varchar, project_id varchar, title varchar, "
    "first_prompt varchar, git_branches varchar, started_at timestamp, ended_at timestamp, linked_commits bigint, "
    "agent varchar, subagent_type varchar, main_model varchar, completeness varchar, last_agent_version varchar, "
    "active_seconds double, turns bigint, tool_calls bigint, tool_errors bigint, interruptions bigint, "
    "rejections bigint, total_tokens bigint, cost_usd decimal(18, 8), total_tokens_with_subagents bigint, "
    "cost_usd_with_subagents decimal(18, 8), is_priced boolean, has_final_tokens boolean",
    "main.turns": "session_id varchar, turn_index bigint, kind varchar, directive varchar, prompt varchar, "
    "steps bigint, tool_errors bigint, end_kind varchar, started_at timestamp, total_tokens_with_subagents bigint, "
    "cost_usd_with_subagents decimal(18, 8)",
    "main.episodes": "session_id varchar, turn_index bigint, reaction_type varchar, reaction_confidence double",
    "main.token_usage": "root_session_id varchar, model varchar, total_tokens bigint, cost_usd decimal(18, 8), "
    "is_priced boolean, is_final boolean",
    "main.file_touches": "root_session_id varchar, path varchar, relative_path varchar, touch_kind varchar, "
    "touches bigint",
    "main.correlations": "project_id varchar, session_id varchar, commit_sha varchar, confidence double, "
    "score double, band varchar, is_accepted boolean, link_rank bigint, method varchar, tier integer, "
    "rejection_reason varchar, matched_files bigint, commit_files bigint, matched_lines bigint, commit_lines bigint, "
    "last_edit_at timestamp, seconds_after_last_edit bigint, is_in_sample boolean, is_copy boolean",
    "main.correlation_evidence": "project_id varchar, session_id varchar, commit_sha varchar, evidence_kind varchar, "
    "evidence_class varchar, strength double, weight double, contribution double, detail varchar, path varchar, "
    "file_id varchar, session_path varchar, line_number integer, found_at timestamp",
    "reference.evidence_kinds": "evidence_kind varchar, evidence_class varchar, direction varchar, description varchar",
    "reference.evidence_weights": "fold varchar, evidence_kind varchar, weight double, fitted_on varchar, "
    "weights_version varchar",
}
KINDS = (("announced", "identity"), ("lines", "content"), ("files", "content"), ("time", "context"))

ONE, TWO, MERGE = "ab12" + "0" * 36, "ab13" + "1" * 36, "cd" * 20
FIRST, SECOND = "11111111-aaaa-4000-8000-000000000001", "11111111-bbbb-4000-8000-000000000002"
FIRST_LINES = (
    '{"type":"user","message":{"content":"please retry"}}',
    '{"type":"assistant","uuid":"u2","message":{"content":"[main ab12000] Retry the fetch"}}',
)
MIDDAY = datetime(2026, 1, 2, 12)


def build(data: DataDir, *, empty: bool = False) -> None:
    """Make `ope.db`: one commit with two candidates, a copy of it, a merge that none is linked to; or all empty."""
    data.root.mkdir(parents=True, exist_ok=True)
    data.database.write_bytes(_content(empty))


@cache
def _content(empty: bool) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        data = DataDir(Path(directory))
        with opened(data) as connection:
            for schema in ("main", "reference"):
                connection.execute(f"create schema if not exists {schema}")
            for table, columns in TABLES.items():
                connection.execute(f"create table {table} ({columns})")
            if not empty:
                _fill(connection)
        return data.database.read_bytes()


def change(data: DataDir, *statements: str) -> None:
    """Run statements on the database."""
    with opened(data) as connection:
        for statement in statements:
            connection.execute(statement)


def add(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[dict[str, object]]) -> None:
    """Insert rows by column name."""
    for row in rows:
        marks = ", ".join("?" for _ in row)
        connection.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


def link(session_id: str, commit_sha: str, **changes: object) -> dict[str, object]:
    """A row of `correlations`: an accepted best link unless changed."""
    return {
        "project_id": "one",
        "session_id": session_id,
        "commit_sha": commit_sha,
        "confidence": 0.97,
        "score": 3.1,
        "band": "high",
        "is_accepted": True,
        "link_rank": 1,
        "method": "announced",
        "tier": 2,
        "rejection_reason": None,
        "matched_files": 1,
        "commit_files": 2,
        "matched_lines": 9,
        "commit_lines": 12,
        "last_edit_at": MIDDAY,
        "seconds_after_last_edit": 240,
        "is_in_sample": False,
        "is_copy": False,
        **changes,
    }


def rejected(session_id: str, commit_sha: str, **changes: object) -> dict[str, object]:
    """A row of `correlations` that was not accepted."""
    values: dict[str, object] = {
        "confidence": 0.3,
        "score": 0.4,
        "band": "low",
        "is_accepted": False,
        "link_rank": 2,
        "method": "files",
        "tier": 3,
        "rejection_reason": "low_confidence",
    }
    return link(session_id, commit_sha, **{**values, **changes})


def evidence(session_id: str, commit_sha: str, kind: str, contribution: float, **changes: object) -> dict[str, object]:
    """A row of `correlation_evidence`, on line 2 of the session's log."""
    return {
        "project_id": "one",
        "session_id": session_id,
        "commit_sha": commit_sha,
        "evidence_kind": kind,
        "evidence_class": dict(KINDS).get(kind),
        "strength": 1.0,
        "weight": contribution,
        "contribution": contribution,
        "detail": f"{kind} of it",
        "path": None,
        "file_id": f"f-{session_id[9:13]}",
        "session_path": f"sessions/{session_id}.jsonl",
        "line_number": 2,
        "found_at": MIDDAY,
        **changes,
    }


def csv_rows(content: str) -> list[dict[str, str]]:
    """A CSV by column name."""
    return list(csv.DictReader(io.StringIO(content)))


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    commit = {
        "project_id": "one",
        "author_name": "Ada",
        "author_email": "ada@example.org",
        "authored_at": MIDDAY,
        "committed_at": MIDDAY,
        "source_ref": "refs/heads/main",
        "is_merge": False,
        "is_bot": False,
    }
    linked = {"linked_session_id": FIRST, "link_confidence": 0.97, "family_id": ONE}
    add(
        connection,
        "main.commits",
        [
            {**commit, "commit_sha": ONE, "subject": "Retry the fetch", **linked},
            {**commit, "commit_sha": TWO, "subject": "Retry the fetch", **linked, "copy_of_sha": ONE},
            {**commit, "commit_sha": MERGE, "subject": "Merge it", "is_merge": True, "unlinked_reason": "merge"},
        ],
    )
    file = {"project_id": "one", "commit_sha": ONE, "insertions": 10, "deletions": 2}
    add(
        connection,
        "main.commit_files",
        [
            {**file, "file_index": 0, "path": "src/fetch.py", "status": "modified"},
            {**file, "file_index": 1, "path": "new.bin", "old_path": "old.bin", "status": "renamed", "is_binary": True},
        ],
    )
    written = {"project_id": "one", "commit_sha": ONE, "path": "src/fetch.py", "added_lines": 10}
    add(connection, "main.commit_attribution", [{**written, "agent_lines": 7, "changed_lines": 2, "other_lines": 1}])
    for session_id, title in ((FIRST, "Fix the fetcher"), (SECOND, None)):
        session = {"session_id": session_id, "root_session_id": session_id, "project_id": "one", "title": title}
        more = {"first_prompt": "please look", "started_at": MIDDAY, "ended_at": MIDDAY, "git_branches": "main"}
        agent = {**session, "session_id": f"{session_id}/agent-7"}
        add(connection, "main.sessions", [{**session, **more}, agent])
        archived = {"file_id": f"f-{session_id[9:13]}", "project_id": "one", "path": f"sessions/{session_id}.jsonl"}
        state = {"agent": "claude-code", "session_id": session_id, "version": 1, "bytes": 900, "lines": 2}
        hashes = {"content_hash": "c0ffee", "first_run_id": "r", "last_run_id": "r", "run_id": "r", "loaded_at": MIDDAY}
        add(connection, "raw.session_files", [{**archived, **state, **hashes}])
        for number, line in enumerate(FIRST_LINES, 1):
            row = {"file_id": archived["file_id"], "line_number": number, "is_json": True, "line": line}
            add(connection, "raw.session_lines", [{**row, "run_id": "r", "loaded_at": MIDDAY}])
    _fill_session(connection)
    add(connection, "main.correlations", [link(FIRST, ONE), rejected(SECOND, ONE), rejected(SECOND, TWO)])
    add(
        connection,
        "main.correlation_evidence",
        [
            evidence(FIRST, ONE, "lines", 1.2, path="src/fetch.py"),
            evidence(FIRST, ONE, "announced", 2.5, detail="[main ab12000] Retry the fetch"),
            evidence(FIRST, ONE, "time", -0.3),
            evidence(FIRST, ONE, "files", 0.0, strength=0.0, file_id=None, session_path=None, line_number=None),
            evidence(SECOND, ONE, "files", 0.4, strength=0.5),
        ],
    )
    add(
        connection,
        "reference.evidence_kinds",
        [
            {"evidence_kind": kind, "evidence_class": group, "direction": way, "description": f"What {kind} is."}
            for kind, group, way in (
                *((kind, group, "for") for kind, group in KINDS),
                ("trailer", "identity", "for"),
                ("branch", "context", "against"),
            )
        ],
    )
    weight = {"fold": "all", "evidence_kind": "lines", "weight": 1.2, "fitted_on": "x", "weights_version": "1.2.0"}
    add(connection, "reference.evidence_weights", [weight])


def _fill_session(connection: duckdb.DuckDBPyConnection) -> None:
    """What FIRST did: two turns, two models of which one has no price, two files, a problem, two secrets."""
    connection.execute(
        "update main.sessions set agent = 'claude-code', last_agent_version = '2.1.9', active_seconds = 600, "
        "completeness = 'malformed lines', tool_calls = 3, tool_errors = 1, total_tokens_with_subagents = 1500, "
        "cost_usd_with_subagents = 0.25, total_tokens = 500, cost_usd = 0.004, is_priced = false, "
        f"has_final_tokens = true where root_session_id = '{FIRST}'"
    )
    turn = {"session_id": FIRST, "steps": 2, "kind": "human_prompt", "directive": "debug", "started_at": MIDDAY}
    more = {"total_tokens_with_subagents": 750, "cost_usd_with_subagents": 0.125, "prompt": "please retry"}
    add(connection, "main.turns", [{**turn, **more, "turn_index": index} for index in (2, 1)])
    reactions = [(1, "correct", 0.8), (2, "unknown", 0.0)]
    names = ("turn_index", "reaction_type", "reaction_confidence")
    add(connection, "main.episodes", [{"session_id": FIRST} | dict(zip(names, row, strict=True)) for row in reactions])
    usage = {"root_session_id": FIRST, "total_tokens": 750, "is_final": True}
    add(
        connection,
        "main.token_usage",
        [
            {**usage, "model": "new", "is_priced": False},
            {**usage, "model": "old", "is_priced": True, "cost_usd": 0.25},
        ],
    )
    touch = {"root_session_id": FIRST, "path": "/work/src/fetch.py", "relative_path": "src/fetch.py", "touches": 2}
    add(connection, "main.file_touches", [{**touch, "touch_kind": kind} for kind in ("read", "edited")])
    add(connection, "main.file_touches", [{**touch, "path": "/tmp/x", "relative_path": None, "touch_kind": "written"}])
    landed = {"project_id": "one", "path": f"sessions/{FIRST}.jsonl", "file_id": "f-aaaa", "run_id": "r"}
    landed |= {"loaded_at": MIDDAY}
    problem = {"step": "landing", "reason": "malformed JSON", "line_number": 7}
    add(connection, "raw.parse_errors", [{**landed, **problem}, {**landed, **problem, "line_number": 9}])
    secret = {"rule_id": "aws_key", "token": "t", "line_number": 3}
    add(connection, "raw.redactions", [{**landed, **secret}, {**landed, **secret, "line_number": 4}])
