"""One run of everything before SQL: archive, extract, land, for some or all registered projects.

A project whose source has vanished or cannot be read is a problem and a sentence; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ingest.archive import ArchiveResult, archive_project
from ingest.cold.journal import finish
from ingest.cold.restoring import cold_sessions, restore_sessions, with_families
from ingest.database import opened
from ingest.discovery.adoption import adopt
from ingest.errors import IngestError, Problem
from ingest.forgetting.forget import finish_forgetting
from ingest.git_history import HistoryResult, extract_history, import_history
from ingest.instrumentation import instrumentation_tier
from ingest.landing import LandingResult, land
from ingest.landing_operations import land_operations
from ingest.locks import data_lock
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.progress import Progress, labelled, prefixed
from ingest.project_metadata import write_metadata
from ingest.redaction import Redactor, load_redactor
from ingest.registry import EXCLUDED, NOTHING_REGISTERED, Project, get_project, load_projects, set_status
from ingest.remote.address import Address, parse_address
from ingest.remote.history import remote_history
from ingest.runlog import new_run_id, step


@dataclass
class ProjectOutcome:
    """What happened to one project before landing, in sentences for the user.

    `gone` are sources that are not there any more, `failures` steps that broke off and have to be repeated,
    `new_directories` those of new worktrees, which are read from now on.
    """

    project_id: str
    archive: ArchiveResult | None = None
    sessions_read: bool = False
    history: HistoryResult | None = None
    tier: int | None = None
    failures: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    new_directories: list[str] = field(default_factory=list)

    @property
    def nothing_done(self) -> bool:
        """Neither sessions nor commits could be read, and that was not for want of a source."""
        return bool(self.failures or self.gone) and not self.sessions_read and self.history is None


@dataclass
class SyncResult:
    """A run's outcome per project, and what was landed."""

    run_id: str
    projects: list[ProjectOutcome]
    landing: LandingResult

    @property
    def failed(self) -> bool:
        """Did a step break off, or could nothing at all be done for a project?"""
        return any(outcome.failures or outcome.nothing_done for outcome in self.projects)


def sync(
    data: DataDir, project_ids: Sequence[str] = (), progress: Progress | None = None, run_id: str | None = None
) -> SyncResult:
    """Archive, extract and land whatever is new, for the named projects or all, as part of run `run_id` or a new one.

    Raises IngestError if none is registered, a name is unknown, another sync runs, or the disk or the database
    refuses; what was finished before stays, and the same command goes on from there.
    """
    _chosen(data, project_ids)  # before the lock: a wrong name must not make a data directory
    with data_lock(data, "sync"):
        projects = _chosen(data, project_ids)
        try:
            return _sync(data, projects, run_id or new_run_id(), progress)
        except BaseException:
            _not_completed(data, projects)
            raise


def _chosen(data: DataDir, project_ids: Sequence[str]) -> list[Project]:
    """The named projects, or all that are not excluded: with none of these left, landing still takes out their rows."""
    named = [get_project(data, project_id) for project_id in dict.fromkeys(project_ids)]
    for project in named:
        if project.status == EXCLUDED:
            raise IngestError(
                f"The project {project.project_id!r} is excluded ({data.notes(project.project_id)} says why): include "
                f"it again with `python -m ingest exclude-project {project.project_id} --undo`."
            )
    projects = named or load_projects(data)
    if not projects:
        raise IngestError(NOTHING_REGISTERED)
    return [project for project in projects if project.status != EXCLUDED]


def _sync(data: DataDir, projects: Sequence[Project], run_id: str, progress: Progress | None) -> SyncResult:
    finish_forgetting(data)
    redactor = load_redactor(data)
    unfinished = _finish_move(data)
    projects, adopted = adopt(data, projects)
    outcomes = [_collect(data, project, redactor, run_id, progress) for project in projects]
    for outcome in outcomes:
        outcome.new_directories = adopted.get(outcome.project_id, [])
    for outcome in outcomes[:1]:
        outcome.failures.extend(unfinished)
    with step(data, run_id, "land", redactor=redactor) as counts:
        landing = land(
            data,
            projects,
            run_id,
            labelled(progress, "landing"),
            problems={outcome.project_id: outcome.problems for outcome in outcomes},
        )
        counts.update(vars(landing))
    for project, outcome in zip(projects, outcomes, strict=True):
        set_status(data, project.project_id, _status_after(data, project, outcome))
    with opened(data) as connection:
        land_operations(connection, data, run_id)
    return SyncResult(run_id, outcomes, landing)


def _finish_move(data: DataDir) -> list[str]:
    """Finish a move to or from cold storage that was killed. The manifests are right either way: sync goes on."""
    try:
        finish(data)
    except IngestError as error:
        return [str(error)]
    return []


def _status_after(data: DataDir, project: Project, outcome: ProjectOutcome) -> str:
    """`archived` where all sources are gone and the archive is what is left; a source that comes back completes it."""
    if not outcome.nothing_done:
        return "completed"
    sources = [*project.session_directories, project.git_metadata or project.repository]
    is_gone = project.remote is None and not any(source and Path(source).exists() for source in sources)
    has_sessions = bool(read_manifest(data.manifest(project.project_id)))
    has_archive = has_sessions or data.git_metadata(project.project_id).exists()
    return "archived" if is_gone and has_archive else "pending_processing"


def _not_completed(data: DataDir, projects: Sequence[Project]) -> None:
    """After a failure: what this run was at has to be processed again. A full disk may refuse even that."""
    with suppress(IngestError):
        for project in projects:
            if get_project(data, project.project_id).status == "processing":
                set_status(data, project.project_id, "pending_processing")


def describe(
    data: DataDir,
    project: Project,
    redactor: Redactor,
    run_id: str,
    progress: Progress | None = None,
    *,
    address: Address | None = None,
) -> ProjectOutcome:
    """Read the project's history, detect its instrumentation tier and write metadata.json; touches no session.

    `address`: that of its repository on another machine, with what lets one in this once.
    """
    outcome = ProjectOutcome(project.project_id)
    _read_history(data, project, redactor, run_id, progress, outcome, address)
    _note_tier(data, project, project.status, outcome)
    return outcome


def _collect(
    data: DataDir, project: Project, redactor: Redactor, run_id: str, progress: Progress | None
) -> ProjectOutcome:
    """Archive the project's sessions and read its history; each may fail without the other."""
    outcome = ProjectOutcome(project.project_id)
    set_status(data, project.project_id, "processing")
    if project.session_directories:
        gone = [directory for directory in project.session_directories if not Path(directory).is_dir()]
        outcome.gone.extend(
            f"The session directory {redactor.redact_text(directory)} is gone: what was archived from it is kept; "
            "register its new place with add-project --sessions."
            for directory in gone
        )
        try:
            with step(data, run_id, "archive", project.project_id, redactor=redactor) as counts:
                report = labelled(progress, f"{project.project_id}: archive")
                wake = _waking(data, project.project_id, outcome, progress)
                outcome.archive = archive_project(data, project, redactor, run_id, report, wake=wake)
                counts.update(_counts(outcome.archive))
                counts["bytes"] = outcome.archive.source_bytes_read
            outcome.sessions_read = len(gone) < len(project.session_directories)
            outcome.problems.extend(outcome.archive.problems)
        except IngestError as error:
            _fail(outcome, "archive", str(error), redactor)
    _read_history(data, project, redactor, run_id, progress, outcome)
    _note_tier(data, project, "processing", outcome)
    return outcome


def _waking(
    data: DataDir, project_id: str, outcome: ProjectOutcome, progress: Progress | None
) -> Callable[[set[str]], None]:
    """What brings sessions back from cold storage; where that fails, it is said, and the archive goes on."""

    def wake(roots: set[str]) -> None:
        try:
            stored = cold_sessions(data)
            wanted = with_families(
                stored, lambda one: one.project_id == project_id and one.session.root_session_id in roots
            )
            restore_sessions(data, wanted, progress)
        except IngestError as error:
            outcome.failures.append(f"{len(roots)} sessions went on and could not be brought back: {error}")

    return wake


def _read_history(
    data: DataDir,
    project: Project,
    redactor: Redactor,
    run_id: str,
    progress: Progress | None,
    outcome: ProjectOutcome,
    address: Address | None = None,
) -> None:
    output = data.git_metadata(project.project_id)
    if not (project.git_metadata or project.repository or project.remote):
        return
    since = date.fromisoformat(project.since) if project.since else None
    try:
        with step(data, run_id, "git", project.project_id, redactor=redactor) as counts:
            if project.git_metadata:
                outcome.history = import_history(Path(project.git_metadata), output, redactor)
            elif project.repository:
                report = labelled(progress, f"{project.project_id}: history")
                outcome.history = extract_history(
                    Path(project.repository), output, redactor, since=since, progress=report
                )
            elif project.remote:
                there = address or parse_address(project.remote)
                told = prefixed(progress, f"{project.project_id}: ")
                outcome.history = remote_history(there, output, redactor, since=since, report=told)
            counts.update(_counts(outcome.history))
    except IngestError as error:
        source = project.git_metadata or project.repository
        _fail(outcome, "git", str(error), redactor, is_gone=source is not None and not Path(source).exists())


def _note_tier(data: DataDir, project: Project, status: str, outcome: ProjectOutcome) -> None:
    """Detect the tier from the history that is there, and write it into the registry and metadata.json."""
    try:
        outcome.tier = instrumentation_tier(data.git_metadata(project.project_id))
    except IngestError as error:
        outcome.failures.append(str(error))
    tier = outcome.tier if outcome.tier is not None else project.instrumentation_tier
    write_metadata(data, set_status(data, project.project_id, status, instrumentation_tier=tier))


def _fail(outcome: ProjectOutcome, name: str, sentence: str, redactor: Redactor, *, is_gone: bool = False) -> None:
    sentence = redactor.redact_text(sentence)
    (outcome.gone if is_gone else outcome.failures).append(sentence)
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
