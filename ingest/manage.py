"""What `add-project` looks at and `remove-project` takes away."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ingest.agents.claude_code import list_files
from ingest.database import opened, opened_read_only
from ingest.errors import IngestError
from ingest.files import disk_errors, open_regular
from ingest.landing import remove_rows
from ingest.paths import DataDir
from ingest.registry import Project, get_project, remove
from ingest.repositories import open_repository

EDGE_BYTES = 64 * 1024
_DAY = re.compile(rb'"timestamp":\s*"(\d{4}-\d\d-\d\d)T')
_TABLES = ("session_files", "session_lines", "commits", "commit_files", "parse_errors", "redactions", "labels")


@dataclass(frozen=True)
class FoundSessions:
    """The transcripts of one session directory: how many, their bytes, first and last day seen."""

    directory: str
    files: int
    bytes: int
    first_day: str | None
    last_day: str | None


@dataclass(frozen=True)
class Removal:
    """What removing a project takes: rows by table of schema `raw`; `directories` are deleted if `delete_archive`."""

    project_id: str
    name: str
    rows: dict[str, int]
    directories: list[str]
    archived_files: int
    archived_bytes: int
    delete_archive: bool


def working_repository(directory: Path) -> Path | None:
    """The root of the repository that `directory` is in, None if it is in none."""
    try:
        with open_repository(directory) as repository:
            return Path(repository.working_tree_dir or repository.common_dir)
    except IngestError:
        return None


def found_sessions(project: Project) -> list[FoundSessions]:
    """What lies in the project's session directories; reads only the edges of the files."""
    found = []
    for directory in project.session_directories:
        files = [file.path for file in list_files(Path(directory))[0] if file.kind == "transcript"]
        edges = [_edges(path) for path in files]
        days = sorted(day for _, some in edges for day in some)
        total = sum(count for count, _ in edges)
        found.append(FoundSessions(directory, len(files), total, days[0] if days else None, days[-1] if days else None))
    return found


def plan_removal(data: DataDir, project_id: str, *, delete_archive: bool) -> Removal:
    """Count what would go; changes nothing. Raises IngestError for an unknown project or a locked database."""
    project = get_project(data, project_id)
    directories = [path for path in (data.raw(project_id), data.processed(project_id)) if path.exists()]
    files = [path for directory in directories for path in directory.rglob("*") if path.is_file()]
    return Removal(
        project_id=project_id,
        name=project.name,
        rows=_count_rows(data, project_id),
        directories=[str(path) for path in directories],
        archived_files=len(files),
        archived_bytes=sum(path.stat().st_size for path in files),
        delete_archive=delete_archive,
    )


def remove_project(data: DataDir, removal: Removal) -> None:
    """Remove the project: its rows first, then its entry, and last, if so planned, its archive.

    Raises IngestError when the database is locked; nothing has gone then. After a kill the same command, or the next
    sync, takes the rest.
    """
    if data.database.exists():
        with opened(data) as connection:
            remove_rows(connection, [removal.project_id])
    if removal.delete_archive:
        for path in (data.raw(removal.project_id), data.processed(removal.project_id)):
            if path.exists():
                with disk_errors(path):
                    shutil.rmtree(path)
    remove(data, removal.project_id)


def _count_rows(data: DataDir, project_id: str) -> dict[str, int]:
    if not data.database.exists():
        return {}
    with opened_read_only(data.database) as connection:
        present = {
            row[0]
            for row in connection.execute(
                "select table_name from information_schema.tables where table_schema = 'raw'"
            ).fetchall()
        }
        rows = {}
        for table in _TABLES:
            if table not in present:
                continue
            condition = (
                "file_id in (select file_id from raw.session_files where project_id = ?)"
                if table == "session_lines"
                else "project_id = ?"
            )
            count = connection.execute(f"select count(*) from raw.{table} where {condition}", [project_id])
            rows[table] = count.fetchall()[0][0]
        return rows


def _edges(path: Path) -> tuple[int, list[str]]:
    """The file's size and the days at its beginning and its end."""
    try:
        descriptor, state = open_regular(path)
    except OSError:
        return 0, []
    with os.fdopen(descriptor, "rb") as source:
        days = _DAY.findall(source.read(EDGE_BYTES))[:1]
        source.seek(max(0, state.st_size - EDGE_BYTES))
        days += _DAY.findall(source.read(EDGE_BYTES))[-1:]
    return state.st_size, [day.decode() for day in days]
