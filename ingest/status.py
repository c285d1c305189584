"""How far each project is, by registry, manifests, run log, sources and, if it opens, the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb

from ingest.agents.claude_code import cleanup_days, default_root, list_files
from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.files import is_inside
from ingest.forgetting.tombstones import Tombstones, read_tombstones
from ingest.manifest import ManifestEntry, read_manifest
from ingest.operations.advice import published_at, run_warnings
from ingest.operations.history import history_of, read_builds, read_history
from ingest.operations.run_records import read_runs
from ingest.paths import DataDir
from ingest.privacy.consent import read_consent
from ingest.registry import EXCLUDED, Project, load_projects
from ingest.runlog import now


@dataclass(frozen=True)
class Landed:
    """Rows of one project in schema `raw`."""

    files: int = 0
    lines: int = 0
    commits: int = 0
    errors: int = 0
    redactions: int = 0


@dataclass(frozen=True)
class ProjectStatus:
    """One project. Sizes are bytes; `landed` is None where the database cannot be read.

    `waiting_*` are source transcripts that are new or changed since they were archived, `pending_bytes` incomplete last
    lines, `purge_at` the first moment at which the agent's own clean-up may delete a waiting one.
    """

    project_id: str
    name: str
    status: str
    instrumentation_tier: int | None
    archived_files: int
    archived_bytes: int
    archived_lines: int
    pending_bytes: int
    waiting_files: int
    waiting_bytes: int
    purge_at: datetime | None
    landed: Landed | None
    last_run_id: str | None
    last_run_at: datetime | None
    last_run_status: str | None
    last_error: str | None


@dataclass(frozen=True)
class Status:
    """All projects; `database_problem` says why nothing landed was read. `synced_at`: when landing last succeeded,
    `built_at`: when dbt last came to an end (None also where the database cannot be read), `published_at`: when
    `marts.db` was written. `warnings` are sentences about the runs; `consent` is what holds for shared exports."""

    projects: list[ProjectStatus] = field(default_factory=list)
    synced_at: datetime | None = None
    database_problem: str | None = None
    built_at: datetime | None = None
    published_at: datetime | None = None
    warnings: list[str] = field(default_factory=list)
    consent: str = ""


def read_status(data: DataDir) -> Status:
    """Collect the status of every registered project. Changes nothing. Raises IngestError for a damaged registry."""
    projects = load_projects(data)
    runs = read_runs(data)
    landed: dict[str, Landed] | None = None
    problem = None
    try:
        landed = read_landed(data)
    except IngestError as error:
        problem = str(error)
    synced = [run for run in runs if run.get("step") == "land" and run.get("status") == "ok"]
    return Status(
        projects=[_project_status(data, project, runs, landed) for project in projects],
        synced_at=synced[-1]["ended"] if synced else None,
        database_problem=problem,
        built_at=_built_at(data) if problem is None else None,
        published_at=published_at(data),
        warnings=run_warnings(data, history_of(runs), projects, now()),
        consent=_consent(data),
    )


def read_warnings(data: DataDir) -> list[str]:
    """What a person should know of the runs so far, a sentence each. Raises IngestError for a damaged registry."""
    return run_warnings(data, read_history(data), load_projects(data), now())


def _consent(data: DataDir) -> str:
    try:
        return read_consent(data).sentence
    except IngestError as error:
        return str(error)


def _built_at(data: DataDir) -> datetime | None:
    builds = read_builds(data, 1)
    return builds[-1].ended_at if builds else None


def read_landed(data: DataDir) -> dict[str, Landed]:
    """Rows per project in schema `raw`. Raises IngestError where the database is missing, locked or damaged."""
    counts: dict[str, dict[str, int]] = {}
    with opened_read_only(data.database) as connection:
        for name, sql in (
            ("files", "select project_id, count(*) from raw.session_files group by 1"),
            ("lines", "select project_id, cast(sum(lines) as bigint) from raw.session_files group by 1"),
            ("commits", "select project_id, count(*) from raw.commits group by 1"),
            ("errors", "select project_id, count(*) from raw.parse_errors group by 1"),
            ("redactions", "select project_id, count(*) from raw.redactions group by 1"),
        ):
            try:
                rows = connection.execute(sql).fetchall()
            except duckdb.CatalogException:
                rows = []  # the file is there but nothing was landed yet
            for project_id, count in rows:
                counts.setdefault(project_id, {})[name] = count
    return {project_id: Landed(**values) for project_id, values in counts.items()}


def _project_status(
    data: DataDir, project: Project, runs: list[dict[str, Any]], landed: dict[str, Landed] | None
) -> ProjectStatus:
    try:
        manifest = read_manifest(data.manifest(project.project_id))
    except OSError as error:
        raise IngestError(
            f"{data.manifest(project.project_id)} cannot be read ({error.strerror}): change its permissions."
        ) from error
    known = [entry for entry in manifest.values() if entry.kind == "transcript"]
    transcripts = [entry for entry in known if entry.cold is None]
    own = [run for run in runs if run.get("project_id") == project.project_id]
    last = own[-1] if own else None
    # A landing belongs to no project: where it failed, it failed for all of its run.
    errors = [
        run["error"]
        for run in runs
        if last
        and run["run_id"] == last["run_id"]
        and run.get("project_id") in (None, project.project_id)
        and run.get("error")
    ]
    is_read = project.status != EXCLUDED
    stones = read_tombstones(data)
    waiting_files, waiting_bytes, purge_at = _waiting(project, known, stones) if is_read else (0, 0, None)
    return ProjectStatus(
        project_id=project.project_id,
        name=project.name,
        status=project.status,
        instrumentation_tier=project.instrumentation_tier,
        archived_files=len(transcripts),
        archived_bytes=sum(entry.archived_bytes for entry in transcripts),
        archived_lines=sum(entry.archived_lines for entry in transcripts),
        pending_bytes=sum(entry.pending_bytes for entry in transcripts),
        waiting_files=waiting_files,
        waiting_bytes=waiting_bytes,
        purge_at=purge_at,
        landed=None if landed is None else landed.get(project.project_id, Landed()),
        last_run_id=last["run_id"] if last else None,
        last_run_at=last["ended"] if last else None,
        last_run_status=None if last is None else ("failed" if errors else last["status"]),
        last_error=errors[-1] if errors else None,
    )


def _waiting(
    project: Project, transcripts: list[ManifestEntry], stones: Tombstones
) -> tuple[int, int, datetime | None]:
    """Source transcripts that a sync would read: how many, their unread bytes, and when the first may be deleted."""
    newest: dict[str, ManifestEntry] = {}
    for entry in transcripts:
        if entry.source not in newest or newest[entry.source].version < entry.version:
            newest[entry.source] = entry
    root = default_root()
    days = cleanup_days(root)
    files = unread = 0
    purge_at: datetime | None = None
    for directory in map(Path, project.session_directories):
        if not directory.is_dir():
            continue
        is_cleaned = is_inside(str(directory.resolve()), str(root.resolve()))
        for source in list_files(directory)[0]:
            if source.kind != "transcript" or stones.has_session(source.session_id):
                continue
            try:
                state = source.path.stat()
            except OSError:
                continue  # deleted while we looked
            known = newest.get(str(source.path))
            if known and (known.source_size, known.source_mtime_ns) == (state.st_size, state.st_mtime_ns):
                continue
            files += 1
            unread += max(state.st_size - known.consumed_bytes, 0) if known else state.st_size
            if is_cleaned:
                changed_at = datetime.fromtimestamp(state.st_mtime, timezone.utc).replace(tzinfo=None)
                deleted_at = max(changed_at + timedelta(days=days), now().replace(microsecond=0))
                purge_at = min(purge_at or deleted_at, deleted_at)
    return files, unread, purge_at
