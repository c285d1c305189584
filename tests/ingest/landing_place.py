"""A data directory to land from, written without the archive, and questions to its database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import duckdb

from ingest.landing import LandingResult, land
from ingest.manifest import ManifestEntry
from ingest.paths import DataDir
from ingest.registry import Project, load_projects

TABLES = {
    "projects": "project_id, name, status",
    "session_files": "* exclude (run_id, loaded_at)",
    "session_lines": "* exclude (run_id, loaded_at)",
    "commits": "* exclude (run_id, loaded_at)",
    "commit_files": "* exclude (run_id, loaded_at)",
    "reflog": "* exclude (run_id, loaded_at)",
    "parse_errors": "* exclude (run_id, loaded_at)",
    "redactions": "* exclude (run_id, loaded_at)",
    "labels": "* exclude (run_id, loaded_at)",
    "ingest_runs": "* exclude (loaded_at)",
    "landed_files": "* exclude (run_id, loaded_at)",
}


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


def write_history(
    data: DataDir,
    commits: Sequence[dict[str, object]],
    project_id: str = "one",
    *,
    reflog: Sequence[dict[str, object]] = (),
) -> None:
    path = data.git_metadata(project_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    moves = '\n],"reflog":[\n' + ",\n".join(map(json.dumps, reflog)) if reflog else ""
    path.write_text('{"commits":[\n' + ",\n".join(map(json.dumps, commits)) + moves + "\n]}\n")


def write_labels(data: DataDir, project_id: str = "one") -> None:
    path = data.validation(project_id) / "reaction.a.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("message_uuid,label\nu1,approve\n")


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
