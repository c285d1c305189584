"""What is landed beside the content: the registry, the log of runs, and the problems of every step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone
from typing import Any

import duckdb
import orjson

from ingest.archive_repair import detail_of
from ingest.database import transaction
from ingest.errors import IngestError, Problem
from ingest.landing_rows import LINE_STEP
from ingest.manifest import ManifestEntry
from ingest.paths import DataDir
from ingest.registry import Project, load_projects
from ingest.runlog import now

RUN_FILES = "[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"


def land_operations(
    connection: duckdb.DuckDBPyConnection, data: DataDir, run_id: str, loaded_at: datetime | None = None
) -> None:
    """Bring `raw.projects` and `raw.ingest_runs` up to date. Writes nothing where nothing changed."""
    moment = loaded_at or now()
    _replace_projects(connection, load_projects(data), run_id, moment)
    for path in sorted(data.runs.glob(RUN_FILES)):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise IngestError(
                f"The run log {path} cannot be read ({error.strerror}): change its permissions and sync again."
            ) from error
        _land_run_file(connection, f"runs/{path.name}", content, run_id, moment)


def replace_problems(
    connection: duckdb.DuckDBPyConnection,
    project_id: str,
    problems: Iterable[Problem],
    run_id: str,
    loaded_at: datetime,
    file_ids: Mapping[str, str],
    *,
    step: str | None = None,
) -> None:
    """Put `problems` in the place of those of the last sync (where `step` is given: of this step only).

    Rows of landed lines and commits are left alone: they go and come with these. The same problem twice is one row,
    with the detail that was given first.
    """
    details: dict[tuple[Any, ...], str | None] = {}
    for p in problems:
        details.setdefault((p.step, p.path, file_ids.get(p.path), p.line_number, p.reason), p.detail or None)
    wanted = [(*problem, detail) for problem, detail in details.items()]
    mine = "project_id = ? and not (step = ? and line_number is not null and (file_id is not null or path = ?))"
    scope = [project_id, LINE_STEP, "git-metadata.json"]
    if step:
        mine += " and step = ?"
        scope.append(step)
    present = connection.execute(
        f"select step, path, file_id, line_number, reason, detail from raw.parse_errors where {mine}", scope
    ).fetchall()
    if sorted(present, key=repr) == sorted(wanted, key=repr):
        return
    with transaction(connection):
        connection.execute(f"delete from raw.parse_errors where {mine}", scope)
        for row in wanted:
            connection.execute(
                "insert into raw.parse_errors values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [project_id, *row, run_id, loaded_at],
            )


def manifest_problems(entry: ManifestEntry) -> list[Problem]:
    """What the archive noted about a file: its problem, and a last line that it has not taken yet."""
    found = []
    if entry.problem:
        found.append(Problem("archive", entry.path, entry.problem, detail_of(entry)))
    if entry.pending_bytes:
        found.append(
            Problem("archive", entry.path, "incomplete last line", f"{entry.pending_bytes} bytes wait for their end")
        )
    return found


def git_problems(data: DataDir, project_id: str) -> list[Problem]:
    """What the extraction of the history left in git-problems.jsonl."""
    path = data.processed(project_id) / "git-problems.jsonl"
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            record = orjson.loads(line)
            found.append(
                Problem(
                    step=str(record.get("step") or "git"),
                    path=str(record["path"]),
                    reason=str(record["reason"]),
                    detail=str(record.get("detail") or ""),
                    line_number=record.get("line_number"),
                )
            )
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            found.append(Problem("landing", path.name, "malformed JSON", f"{len(line)} bytes", number))
    return found


def _replace_projects(
    connection: duckdb.DuckDBPyConnection, projects: Iterable[Project], run_id: str, loaded_at: datetime
) -> None:
    wanted = [
        (
            project.project_id,
            project.name,
            project.repository or project.remote,
            list(project.repository_paths),
            list(project.session_directories),
            project.git_metadata,
            project.status,
            project.instrumentation_tier,
            date.fromisoformat(project.since[:10]) if project.since else None,
            project.notes,
            utc(project.added_at),
        )
        for project in sorted(projects, key=lambda project: project.project_id)
    ]
    present = connection.execute(
        "select * exclude (run_id, loaded_at) from raw.projects order by project_id"
    ).fetchall()
    if present == wanted:
        return
    with transaction(connection):
        connection.execute("delete from raw.projects")
        for row in wanted:
            connection.execute(
                "insert into raw.projects values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, run_id, loaded_at]
            )


def _land_run_file(
    connection: duckdb.DuckDBPyConnection, path: str, content: bytes, run_id: str, loaded_at: datetime
) -> None:
    """Add the file's new lines to `raw.ingest_runs`; all of them again if it is not a continuation."""
    known = connection.execute(
        "select bytes, content_hash from raw.landed_files where project_id is null and path = ?", [path]
    ).fetchall()
    content = content[: content.rfind(b"\n") + 1]
    start = 0
    if known:
        size, content_hash = known[0]
        if size == len(content) and content_hash == hashlib.sha256(content).hexdigest():
            return
        if size < len(content) and content_hash == hashlib.sha256(content[:size]).hexdigest():
            start = size
    records = [record for line in content[start:].splitlines() if (record := _run_record(line)) is not None]
    with transaction(connection):
        if known and not start:
            connection.execute(
                "delete from raw.ingest_runs where strftime(started_at, '%Y-%m') = ?", [path[len("runs/") :][:7]]
            )
        for record in records:
            connection.execute(
                "insert into raw.ingest_runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*record, loaded_at]
            )
        connection.execute("delete from raw.landed_files where project_id is null and path = ?", [path])
        connection.execute(
            "insert into raw.landed_files values (null, ?, ?, ?, ?, ?)",
            [path, len(content), hashlib.sha256(content).hexdigest(), run_id, loaded_at],
        )


def _run_record(line: bytes) -> tuple[Any, ...] | None:
    """A line of the run log as a row, None for the half line that a killed run left."""
    try:
        record = orjson.loads(line)
        return (
            record["run_id"],
            record["step"],
            record.get("project_id"),
            utc(record["started_at"]),
            utc(record["ended_at"]) if record.get("ended_at") else None,
            record["status"],
            orjson.dumps(record.get("counts") or {}).decode(),
            record.get("bytes"),
            record.get("error"),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None


def utc(text: str) -> datetime:
    """An ISO 8601 instant as UTC without a zone; one without a zone is UTC already."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment
