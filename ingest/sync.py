"""One run of everything before SQL: archive, extract, land, for some or all registered projects.

A project whose source has vanished or cannot be read is a problem and a sentence; the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ingest.archive import ArchiveResult, archive_project
from ingest.database import opened
from ingest.errors import IngestError, Problem
from ingest.files import exclusive_lock, write_atomically
from ingest.git_history import HistoryResult, extract_history, import_history
from ingest.instrumentation import instrumentation_tier
from ingest.landing import LandingResult, land, land_operations
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.redaction import Redactor, load_or_create_key
from ingest.registry import Project, get_project, load_projects, set_status
from ingest.runlog import new_run_id, step

# What is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]

METADATA_VERSION = 1


@dataclass
class ProjectOutcome:
    """What happened to one project before landing. `failures` are sentences for the user."""

    project_id: str
    archive: ArchiveResult | None = None
    sessions_read: bool = False
    history: HistoryResult | None = None
    tier: int | None = None
    failures: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def nothing_done(self) -> bool:
        """Neither sessions nor commits could be read, and that was not for want of a source."""
        return bool(self.failures) and not self.sessions_read and self.history is None


@dataclass
class SyncResult:
    """A run's outcome per project, and what was landed."""

    run_id: str
    projects: list[ProjectOutcome]
    landing: LandingResult

    @property
    def failed(self) -> bool:
        """Was there a project for which nothing could be done?"""
        return any(outcome.nothing_done for outcome in self.projects)


def sync(data: DataDir, project_ids: Sequence[str] = (), progress: Progress | None = None) -> SyncResult:
    """Archive, extract and land whatever is new, for the named projects or all.

    Raises IngestError if none is registered, a name is unknown, another sync runs, or the disk or the database
    refuses; what was finished before stays, and the same command goes on from there.
    """
    projects = [get_project(data, project_id) for project_id in dict.fromkeys(project_ids)] or load_projects(data)
    if not projects:
        raise IngestError(
            "No project is registered: add one with `python -m ingest add-project --name NAME --repo PATH`."
        )
    run_id = new_run_id()
    with exclusive_lock(data.runs, "this data directory"):
        redactor = load_redactor(data)
        outcomes = [_collect(data, project, redactor, run_id, progress) for project in projects]
        with step(data, run_id, "land", redactor=redactor) as counts:
            landing = land(
                data,
                projects,
                run_id,
                _labelled(progress, "landing"),
                problems={outcome.project_id: outcome.problems for outcome in outcomes},
            )
            counts.update(vars(landing))
        for outcome in outcomes:
            set_status(data, outcome.project_id, "pending_processing" if outcome.nothing_done else "completed")
        with opened(data) as connection:
            land_operations(connection, data, run_id)
    return SyncResult(run_id, outcomes, landing)


def load_redactor(data: DataDir) -> Redactor:
    """The redactor with the rules of this version and the key of this data directory (made on first use)."""
    return Redactor.load(load_or_create_key(data.redaction_key))


def describe(
    data: DataDir, project: Project, redactor: Redactor, run_id: str, progress: Progress | None = None
) -> ProjectOutcome:
    """Read the project's history, detect its instrumentation tier and write metadata.json; touches no session."""
    outcome = ProjectOutcome(project.project_id)
    _read_history(data, project, redactor, run_id, progress, outcome)
    _detect_tier(data, project, outcome)
    set_status(data, project.project_id, project.status, instrumentation_tier=outcome.tier)
    write_metadata(data, get_project(data, project.project_id))
    return outcome


def write_metadata(data: DataDir, project: Project) -> None:
    """Write `data/raw/<project>/metadata.json`: what the project is, so that the archive can be read on its own."""
    manifest_path = data.manifest(project.project_id)
    entries = read_manifest(manifest_path).values() if manifest_path.exists() else ()
    transcripts = [entry for entry in entries if entry.kind == "transcript"]
    document: dict[str, Any] = {
        "schema_version": METADATA_VERSION,
        "project_id": project.project_id,
        "name": project.name,
        "repository": project.repository,
        "repository_paths": list(project.repository_paths),
        "session_directories": list(project.session_directories),
        "git_metadata": project.git_metadata,
        "instrumentation_tier": project.instrumentation_tier,
        "added_at": project.added_at,
        "since": project.since,
        "notes": project.notes,
        "transcripts": len(transcripts),
        "archived_bytes": sum(entry.archived_bytes for entry in transcripts),
        "archived_lines": sum(entry.archived_lines for entry in transcripts),
    }
    content = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    path = data.metadata(project.project_id)
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)


def _collect(
    data: DataDir, project: Project, redactor: Redactor, run_id: str, progress: Progress | None
) -> ProjectOutcome:
    """Archive the project's sessions and read its history; each may fail without the other."""
    outcome = ProjectOutcome(project.project_id)
    set_status(data, project.project_id, "processing")
    if project.session_directories:
        gone = [directory for directory in project.session_directories if not Path(directory).is_dir()]
        outcome.failures.extend(
            f"The session directory {redactor.redact_text(directory)} is gone: what was archived from it is kept; "
            "register its new place with add-project --sessions."
            for directory in gone
        )
        try:
            with step(data, run_id, "archive", project.project_id, redactor=redactor) as counts:
                report = _labelled(progress, f"{project.project_id}: archive")
                outcome.archive = archive_project(data, project, redactor, run_id, report)
                counts.update(_counts(outcome.archive))
                counts["bytes"] = outcome.archive.source_bytes_read
            outcome.sessions_read = len(gone) < len(project.session_directories)
            outcome.problems.extend(outcome.archive.problems)
        except IngestError as error:
            _fail(outcome, "archive", str(error), redactor)
    _read_history(data, project, redactor, run_id, progress, outcome)
    _detect_tier(data, project, outcome)
    tier = outcome.tier if outcome.tier is not None else project.instrumentation_tier
    set_status(data, project.project_id, "processing", instrumentation_tier=tier)
    write_metadata(data, get_project(data, project.project_id))
    return outcome


def _read_history(
    data: DataDir,
    project: Project,
    redactor: Redactor,
    run_id: str,
    progress: Progress | None,
    outcome: ProjectOutcome,
) -> None:
    output = data.git_metadata(project.project_id)
    if not (project.git_metadata or project.repository):
        return
    try:
        with step(data, run_id, "git", project.project_id, redactor=redactor) as counts:
            if project.git_metadata:
                outcome.history = import_history(Path(project.git_metadata), output, redactor)
            elif project.repository:
                since = date.fromisoformat(project.since) if project.since else None
                report = _labelled(progress, f"{project.project_id}: history")
                outcome.history = extract_history(
                    Path(project.repository), output, redactor, since=since, progress=report
                )
            counts.update(_counts(outcome.history))
    except IngestError as error:
        _fail(outcome, "git", str(error), redactor)


def _detect_tier(data: DataDir, project: Project, outcome: ProjectOutcome) -> None:
    path = data.git_metadata(project.project_id)
    if path.exists():
        try:
            outcome.tier = instrumentation_tier(path)
        except IngestError as error:
            outcome.failures.append(str(error))


def _fail(outcome: ProjectOutcome, name: str, sentence: str, redactor: Redactor) -> None:
    sentence = redactor.redact_text(sentence)
    outcome.failures.append(sentence)
    outcome.problems.append(Problem(name, outcome.project_id, "step failed", sentence))


def _counts(result: object) -> dict[str, Any]:
    """The numbers of a result, and of a list how many there are."""
    counts: dict[str, Any] = {}
    for key, value in vars(result).items():
        if isinstance(value, (list, tuple)):
            counts[key] = len(value)
        elif isinstance(value, dict):
            counts[key] = sum(value.values())
        elif isinstance(value, int):
            counts[key] = value
    return counts


def _labelled(progress: Progress | None, label: str) -> Callable[[int, int], None] | None:
    return (lambda done, total: progress(label, done, total)) if progress else None
