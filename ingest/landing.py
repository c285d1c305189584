"""Everything in the data directory → schema `raw` of `data/ope.db`. Reads plain files only, never a source.

`raw` is a function of those files: a deleted database fills again with the same rows (but for run ids and times), and
landing what is landed already changes nothing. Of a transcript that grew only the new lines are inserted; one whose
archived bytes are not a continuation of what was landed is taken out and landed again whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import orjson

from ingest.database import opened, transaction
from ingest.errors import Problem
from ingest.landing_git import land_git
from ingest.landing_labels import land_labels
from ingest.landing_lines import Work, land_lines
from ingest.landing_operations import git_problems, land_operations, manifest_problems, replace_problems
from ingest.landing_results import land_results
from ingest.landing_rows import (
    FILE_SCHEMA,
    PROJECT_TABLES,
    FileRow,
    delete_lines,
    remove_rows,
    replace_file_rows,
)
from ingest.manifest import ManifestEntry, read_manifest
from ingest.paths import DataDir
from ingest.registry import EXCLUDED, Project, load_projects
from ingest.runlog import now

__all__ = ["LandingResult", "file_id", "land", "land_again"]

TRANSCRIPT = "transcript"
SIDECAR_SUFFIX = ".meta.json"
HASH_BYTES = 1_000_000
# Steps whose findings stand in no file, so that landing has to be told of them again.
TOLD_STEPS = ["archive", "merge"]


@dataclass
class LandingResult:
    """What one landing wrote: files with new lines, their lines and bytes, commits (of changed histories), labels (of
    changed sets), redactions.

    `parse_errors` is the number of rows that `raw.parse_errors` now has for the landed projects.
    """

    files: int = 0
    lines: int = 0
    bytes: int = 0
    malformed_lines: int = 0
    commits: int = 0
    labels: int = 0
    parse_errors: int = 0
    redactions: int = 0


@dataclass
class _Plan:
    """What has to be done for one project."""

    works: list[Work] = field(default_factory=list)
    rows: list[FileRow] = field(default_factory=list)  # the lines are there, something else about the file changed
    gone: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    entries: dict[str, ManifestEntry] = field(default_factory=dict)  # of transcripts, by archived path
    results: list[ManifestEntry] = field(default_factory=list)  # what lies beside transcripts, but for their sidecars

    def file_ids(self, project_id: str) -> dict[str, str]:
        """The id of each transcript by its archived path."""
        return {path: file_id(project_id, path) for path in self.entries}


def file_id(project_id: str, path: str) -> str:
    """The id of an archived file: the first 16 hex digits of the MD5 of `<project_id>/<archived path>`."""
    return hashlib.md5(f"{project_id}/{path}".encode(), usedforsecurity=False).hexdigest()[:16]


def land(
    data: DataDir,
    projects: Sequence[Project],
    run_id: str,
    progress: Callable[[int, int], None] | None = None,
    *,
    problems: Mapping[str, Sequence[Problem]] | None = None,
) -> LandingResult:
    """Fill schema `raw` with what is new for `projects`, and drop those that the registry no longer has or excludes.

    `problems` are findings of earlier steps, by project id, that stand in no file. `progress` gets bytes done and in
    all. Raises IngestError when the database is locked, damaged or cannot be written; what earlier transactions wrote
    stays, and the same call goes on from there.
    """
    result = LandingResult()
    loaded_at = now()
    with opened(data) as connection:
        remove_rows(connection, _vanished(connection, data))
        plans = {project.project_id: _plan(connection, data, project.project_id) for project in projects}
        works = [work for plan in plans.values() for work in plan.works]
        total = sum(work.row.bytes - work.from_byte for work in works)
        done = 0

        def advance(size: int) -> None:
            nonlocal done
            done += size
            if progress:
                progress(done, total)

        for plan in plans.values():
            if plan.gone or plan.rows:
                with transaction(connection):
                    delete_lines(connection, plan.gone)
                    connection.execute("delete from raw.session_files where file_id in (select unnest(?))", [plan.gone])
                    replace_file_rows(connection, plan.rows, run_id, loaded_at)
        landed = land_lines(connection, works, run_id, loaded_at, advance)
        result.files, result.lines, result.bytes = landed.files, landed.lines, landed.bytes
        result.malformed_lines, result.redactions = landed.malformed_lines, landed.redactions
        for project_id, plan in plans.items():
            git = land_git(connection, data, project_id, run_id, loaded_at)
            result.commits += git.commits
            in_results, unread = land_results(connection, data, project_id, plan.results, run_id, loaded_at)
            result.redactions += git.redactions + in_results
            labels = land_labels(connection, data, project_id, run_id, loaded_at)
            result.labels += labels.labels
            earlier = (problems or {}).get(project_id, ())
            found = [*earlier, *plan.problems, *unread, *git.problems, *git_problems(data, project_id)]
            found += [*labels.problems, *_miscounted(connection, project_id, plan)]
            replace_problems(connection, project_id, found, run_id, loaded_at, plan.file_ids(project_id))
        result.parse_errors = connection.execute(
            "select count(*) from raw.parse_errors where project_id in (select unnest(?))", [list(plans)]
        ).fetchall()[0][0]
        land_operations(connection, data, run_id, loaded_at)
    return result


def land_again(
    data: DataDir,
    run_id: str,
    keep: Callable[[Problem], Problem | None],
    progress: Callable[[int, int], None] | None = None,
) -> LandingResult:
    """Land every project from what its files hold now. What was wrong with sources is true still: `keep` gives such a
    finding as it is to stand, None where it is to go. Raises as `land`."""
    with opened(data) as connection:
        known = connection.execute(
            "select project_id, step, path, reason, coalesce(detail, ''), line_number from raw.parse_errors "
            "where list_contains(?, step) order by all",
            [TOLD_STEPS],
        ).fetchall()
    problems: dict[str, list[Problem]] = {}
    for project_id, *fields in known:
        if problem := keep(Problem(*fields)):
            problems.setdefault(project_id, []).append(problem)
    projects = [project for project in load_projects(data) if project.status != EXCLUDED]
    return land(data, projects, run_id, progress, problems=problems)


def _vanished(connection: duckdb.DuckDBPyConnection, data: DataDir) -> list[str]:
    """Projects with rows that the registry no longer has, or excludes: their entry is landed again in the end."""
    kept = {project.project_id for project in load_projects(data) if project.status != EXCLUDED}
    tables = " union ".join(f"select project_id from raw.{table}" for table in PROJECT_TABLES)
    rows = connection.execute(f"select project_id from ({tables}) where project_id is not null order by 1").fetchall()
    return [row[0] for row in rows if row[0] not in kept]


def _plan(connection: duckdb.DuckDBPyConnection, data: DataDir, project_id: str) -> _Plan:
    plan = _Plan()
    landed = {row.path: row for row in _landed_rows(connection, project_id)}
    manifest_path = data.manifest(project_id)
    if not manifest_path.exists():
        if landed:
            detail = f"{len(landed)} landed files are kept; restore the manifest or remove the project"
            plan.problems.append(Problem("landing", manifest_path.name, "manifest is missing", detail))
        return plan
    # What lies in cold storage leaves the database, as if it had vanished.
    manifest = {path: entry for path, entry in read_manifest(manifest_path).items() if entry.cold is None}
    for path, entry in sorted(manifest.items()):
        plan.problems.extend(manifest_problems(entry))
        if entry.kind == TRANSCRIPT:
            plan.entries[path] = entry
            _plan_file(plan, data, project_id, entry, manifest, landed.get(path))
        elif not path.endswith(SIDECAR_SUFFIX):
            plan.results.append(entry)
    plan.gone = [row.file_id for path, row in sorted(landed.items()) if path not in manifest]
    return plan


def _plan_file(
    plan: _Plan,
    data: DataDir,
    project_id: str,
    entry: ManifestEntry,
    manifest: Mapping[str, ManifestEntry],
    landed: FileRow | None,
) -> None:
    file = data.raw(project_id) / entry.path
    try:
        size = file.stat().st_size
    except OSError as error:
        detail = f"{error.strerror}; what was landed from it is kept"
        plan.problems.append(Problem("landing", entry.path, "archived file cannot be read", detail))
        return
    if size < entry.archived_bytes:
        detail = f"{size} of {entry.archived_bytes} bytes are there"
        plan.problems.append(Problem("landing", entry.path, "archived file is shorter than its manifest says", detail))
    row = FileRow(
        file_id=file_id(project_id, entry.path),
        project_id=project_id,
        agent=entry.agent,
        path=entry.path,
        session_id=entry.session_id,
        parent_session_id=entry.parent_session_id,
        version=entry.version,
        # More may stand in the file when a copy was interrupted: the manifest says what is whole.
        bytes=min(size, entry.archived_bytes),
        lines=entry.archived_lines,
        content_hash=entry.content_hash,
        sidecar=_sidecar(plan, data, project_id, entry, manifest),
        first_run_id=entry.first_run_id,
        last_run_id=entry.last_run_id,
    )
    if landed and landed.content_hash == row.content_hash and landed.bytes == row.bytes:
        if replace(row, lines=landed.lines) != landed:
            plan.rows.append(replace(row, lines=landed.lines))
    elif landed and _is_continued(file, landed, row):
        plan.works.append(Work(row, file, landed.bytes, landed.lines, is_replaced=False))
    else:
        plan.works.append(Work(row, file, 0, 0, is_replaced=landed is not None))


def _miscounted(connection: duckdb.DuckDBPyConnection, project_id: str, plan: _Plan) -> list[Problem]:
    """Whole files that have another number of lines than the archive counted: so that no line is lost unseen."""
    return [
        Problem("landing", row.path, "line count differs from the manifest", f"{row.lines}, not {entry.archived_lines}")
        for row in _landed_rows(connection, project_id)
        if (entry := plan.entries.get(row.path))
        and row.bytes == entry.archived_bytes
        and row.lines != entry.archived_lines
    ]


def _is_continued(file: Path, landed: FileRow, row: FileRow) -> bool:
    """Do the archived bytes begin with all that was landed, up to the end of a line?"""
    if landed.bytes == 0:
        return landed.lines == 0
    if landed.bytes > row.bytes or not landed.content_hash:
        return False
    digest = hashlib.sha256()
    left = landed.bytes
    block = b""
    with file.open("rb") as source:
        while left and (block := source.read(min(HASH_BYTES, left))):
            digest.update(block)
            left -= len(block)
    return not left and block.endswith(b"\n") and digest.hexdigest() == landed.content_hash


def _sidecar(
    plan: _Plan, data: DataDir, project_id: str, entry: ManifestEntry, manifest: Mapping[str, ManifestEntry]
) -> str | None:
    """The text of the last version of `<stem>.meta.json` beside a transcript, None where there is none."""
    stem = entry.path.removesuffix(".jsonl")
    if entry.version > 1:
        stem = stem.removesuffix(f".v{entry.version}")
    path = stem + SIDECAR_SUFFIX
    if path not in manifest:
        return None
    version = 2
    while (newer := f"{stem}.v{version}{SIDECAR_SUFFIX}") in manifest:
        path, version = newer, version + 1
    try:
        content = (data.raw(project_id) / path).read_bytes()
    except OSError as error:
        plan.problems.append(Problem("landing", path, "archived file cannot be read", error.strerror or ""))
        return None
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        plan.problems.append(Problem("landing", path, "malformed JSON", f"{len(content)} bytes"))
    return content.decode("utf-8", "replace")


def _landed_rows(connection: duckdb.DuckDBPyConnection, project_id: str) -> list[FileRow]:
    columns = ", ".join(FILE_SCHEMA.names)
    rows = connection.execute(f"select {columns} from raw.session_files where project_id = ?", [project_id]).fetchall()
    return [FileRow(*row) for row in rows]
