"""`data/processed/<project>/git-metadata.json` → `raw.commits`, `raw.commit_files`, `raw.reflog` and redactions.

The file is read one commit at a time and lands whole, in one transaction, when its content has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from ingest.database import transaction
from ingest.errors import IngestError, Problem
from ingest.git_store import REFLOG_HEAD
from ingest.landing_rows import ERROR_SCHEMA, LINE_STEP, TOKEN_START, insert, table_of
from ingest.paths import DataDir
from ingest.redaction import TOKEN

FILE_NAME = "git-metadata.json"
BATCH_BYTES = 16_000_000
HASH_BYTES = 1_000_000

_MOVE_TEXTS = ("previous_sha", "action", "message", "moved_at")
_TEXT_LIST = pa.list_(pa.string())

COMMIT_SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("commit_sha", pa.string()),
        ("parents", _TEXT_LIST),
        ("author_name", pa.string()),
        ("author_email", pa.string()),
        ("authored_at", pa.string()),
        ("committer_name", pa.string()),
        ("committer_email", pa.string()),
        ("committed_at", pa.string()),
        ("message", pa.string()),
        ("source_ref", pa.string()),
        ("is_reachable", pa.bool_()),
        ("is_boundary", pa.bool_()),
    ]
)
FILE_SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("commit_sha", pa.string()),
        ("file_index", pa.int32()),
        ("path", pa.string()),
        ("old_path", pa.string()),
        ("status", pa.string()),
        ("insertions", pa.int64()),
        ("deletions", pa.int64()),
        ("added_line_hashes", _TEXT_LIST),
        ("removed_line_hashes", _TEXT_LIST),
    ]
)
REFLOG_SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("ref", pa.string()),
        ("entry_index", pa.int32()),
        ("commit_sha", pa.string()),
        ("previous_sha", pa.string()),
        ("action", pa.string()),
        ("message", pa.string()),
        ("moved_at", pa.string()),
    ]
)
REDACTION_SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("path", pa.string()),
        ("line_number", pa.int32()),
        ("rule_id", pa.string()),
        ("token", pa.string()),
    ]
)


@dataclass
class LandedGit:
    """Commits and redactions written, and what is wrong with the file as a whole."""

    commits: int = 0
    redactions: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass
class _Rows:
    commits: list[tuple[Any, ...]] = field(default_factory=list)
    files: list[tuple[Any, ...]] = field(default_factory=list)
    reflog: list[tuple[Any, ...]] = field(default_factory=list)
    redactions: list[tuple[Any, ...]] = field(default_factory=list)
    size: int = 0


def land_git(
    connection: duckdb.DuckDBPyConnection, data: DataDir, project_id: str, run_id: str, loaded_at: datetime
) -> LandedGit:
    """Replace the project's commits if its git-metadata.json is another than the one landed last."""
    path = data.git_metadata(project_id)
    landed = LandedGit()
    known = connection.execute(
        "select content_hash from raw.landed_files where project_id = ? and path = ?", [project_id, FILE_NAME]
    ).fetchall()
    if not path.exists():
        if known:
            landed.problems.append(
                Problem("git", FILE_NAME, "file is missing", "the commits that were landed from it are kept")
            )
        return landed
    content_hash = file_hash(path)
    if known and known[0][0] == content_hash:
        return landed
    with transaction(connection):
        delete_git(connection, project_id)
        bad_lines: list[Problem] = []
        for rows in _batches(path, project_id, bad_lines):
            insert(connection, "commits", table_of(rows.commits, COMMIT_SCHEMA), run_id, loaded_at)
            insert(connection, "commit_files", table_of(rows.files, FILE_SCHEMA), run_id, loaded_at)
            insert(connection, "reflog", table_of(rows.reflog, REFLOG_SCHEMA), run_id, loaded_at)
            insert(connection, "redactions", table_of(rows.redactions, REDACTION_SCHEMA), run_id, loaded_at)
            landed.commits += len(rows.commits)
            landed.redactions += len(rows.redactions)
        errors = [(project_id, p.step, p.path, None, p.line_number, p.reason, p.detail) for p in bad_lines]
        insert(connection, "parse_errors", table_of(errors, ERROR_SCHEMA), run_id, loaded_at)
        connection.execute(
            "insert into raw.landed_files by name select ? as project_id, ? as path, ? as bytes, ? as content_hash, "
            "? as run_id, ? as loaded_at",
            [project_id, FILE_NAME, path.stat().st_size, content_hash, run_id, loaded_at],
        )
    return landed


def delete_git(connection: duckdb.DuckDBPyConnection, project_id: str) -> None:
    """Take a project's commits, and what was found while they were read, out of the database."""
    for table in ("commits", "commit_files", "reflog"):
        connection.execute(f"delete from raw.{table} where project_id = ?", [project_id])
    for table in ("redactions", "landed_files"):
        connection.execute(f"delete from raw.{table} where project_id = ? and path = ?", [project_id, FILE_NAME])
    connection.execute(
        "delete from raw.parse_errors where project_id = ? and path = ? and step = ?",
        [project_id, FILE_NAME, LINE_STEP],
    )


def file_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, in hex."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source:
            while block := source.read(HASH_BYTES):
                digest.update(block)
    except OSError as error:
        raise IngestError(
            f"{path} cannot be read ({error.strerror}): change its permissions and sync again."
        ) from error
    return digest.hexdigest()


def _batches(path: Path, project_id: str, problems: list[Problem]) -> Iterator[_Rows]:
    seen: set[str] = set()
    rows = _Rows()
    is_reflog = False
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            text = line.strip().rstrip(b",")
            if number == 1 and text.startswith(b'{"commits":['):
                text = text[len(b'{"commits":[') :]
            if not text or text in (b"]}", b"]"):
                continue
            if text == REFLOG_HEAD:
                is_reflog = True
                continue
            if is_reflog:
                _add_move(rows, text, number, project_id, problems)
            else:
                _add(rows, text, number, project_id, seen, problems)
            rows.size += len(text)
            if rows.size >= BATCH_BYTES:
                yield rows
                rows = _Rows()
    yield rows


def _add(rows: _Rows, text: bytes, number: int, project_id: str, seen: set[str], problems: list[Problem]) -> None:
    try:
        commit = orjson.loads(text)
        row = _commit_row(project_id, commit)
        files = [
            _file_row(project_id, commit["sha"], index, file)
            for index, file in enumerate(commit.get("files") or [], start=1)
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        problems.append(Problem(LINE_STEP, FILE_NAME, "malformed commit", type(error).__name__, number))
        return
    if commit["sha"] in seen:
        problems.append(Problem(LINE_STEP, FILE_NAME, "commit given twice", "the first one is kept", number))
        return
    seen.add(commit["sha"])
    rows.commits.append(row)
    rows.files.extend(files)
    _add_redactions(rows, text, number, project_id)


def _add_move(rows: _Rows, text: bytes, number: int, project_id: str, problems: list[Problem]) -> None:
    try:
        entry = orjson.loads(text)
        index = _count(entry["entry_index"])
        said = (None if entry.get(key) is None else _text(entry[key]) for key in _MOVE_TEXTS)
        rows.reflog.append((project_id, _text(entry["ref"]), index, _text(entry["commit_sha"]), *said))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        problems.append(Problem(LINE_STEP, FILE_NAME, "malformed reflog entry", type(error).__name__, number))
        return
    _add_redactions(rows, text, number, project_id)


def _add_redactions(rows: _Rows, text: bytes, number: int, project_id: str) -> None:
    if TOKEN_START.encode() in text:
        for token in TOKEN.findall(text.decode("utf-8")):
            rows.redactions.append((project_id, FILE_NAME, number, token.split(":")[1], token))


def _commit_row(project_id: str, commit: dict[str, Any]) -> tuple[Any, ...]:
    return (
        project_id,
        _text(commit["sha"]),
        _texts(commit.get("parents")),
        *(
            None if commit.get(key) is None else _text(commit[key])
            for key in (
                "author_name",
                "author_email",
                "authored_at",
                "committer_name",
                "committer_email",
                "committed_at",
                "message",
                "source_ref",
            )
        ),
        _flag(commit.get("is_reachable")),
        _flag(commit.get("is_boundary")),
    )


def _file_row(project_id: str, sha: str, index: int, file: dict[str, Any]) -> tuple[Any, ...]:
    return (
        project_id,
        sha,
        index,
        _text(file["path"]),
        None if file.get("old_path") is None else _text(file["old_path"]),
        None if file.get("status") is None else _text(file["status"]),
        _count(file.get("insertions")),
        _count(file.get("deletions")),
        _texts(file.get("added_line_hashes")),
        _texts(file.get("removed_line_hashes")),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def _texts(value: object) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError("list of texts expected")
    return value


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise TypeError("boolean expected")


def _count(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError("number expected")
