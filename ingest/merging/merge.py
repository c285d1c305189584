"""`python -m ingest merge-data`: another machine's data directory into this one (docs/two-machines.md).

Everything that is taken can be taken again: each file is swapped in whole, and what is here already is not touched.
So a merge that was killed at any point is finished by the same command, and one that is repeated changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from ingest.cold.part import root_of
from ingest.database import opened
from ingest.errors import IngestError, Problem
from ingest.files import exclusive_lock
from ingest.forgetting.tombstones import Tombstones, read_tombstones
from ingest.instrumentation import instrumentation_tier
from ingest.landing import LandingResult, land
from ingest.landing_operations import land_operations
from ingest.locks import data_lock
from ingest.manifest import Manifest
from ingest.merging.content import Reader
from ingest.merging.history import HistoryMerged, merge_history
from ingest.merging.other import STEP, Other, open_other
from ingest.merging.projects import Match, match_projects, united
from ingest.merging.sessions import SessionsMerged, merge_sessions
from ingest.merging.texts import TextsMerged, merge_labels, merge_notes, merge_runs
from ingest.paths import DataDir
from ingest.progress import Progress, labelled
from ingest.project_metadata import write_metadata
from ingest.redaction import KEY_BYTES, Redactor, load_redactor
from ingest.registry import EXCLUDED, Project, load_projects, put, set_status
from ingest.runlog import new_run_id, step


@dataclass
class ProjectMerged:
    """What was taken of one project (or would be). `left_out`: session directories that only the other machine has."""

    project_id: str
    their_id: str
    is_new: bool
    sessions: SessionsMerged = field(default_factory=SessionsMerged)
    history: HistoryMerged = field(default_factory=HistoryMerged)
    labels: TextsMerged = field(default_factory=TextsMerged)
    notes: TextsMerged = field(default_factory=TextsMerged)
    forgotten: int = 0  # sessions there that were forgotten here, and are not taken
    left_out: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class DataMerged:
    """What a merge took from the directory `source`, project by project, and what was landed of it."""

    run_id: str
    source: str
    projects: list[ProjectMerged]
    runs: TextsMerged
    landing: LandingResult
    dry_run: bool


def merge_data(
    data: DataDir,
    root: Path,
    *,
    renamed: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> DataMerged:
    """Take over what the data directory `root` has and this one lacks, and land it. `root` is only read.

    `renamed`: id there → id here. Raises IngestError where `root` is no other data directory, an id means another
    project here, another command is at work, or our disk or database refuses; what was finished stays.
    """
    other = open_other(root, data)
    if dry_run:
        return _merge(data, other, renamed or {}, progress, dry_run=True)
    match_projects(data, other, renamed or {})  # before the lock: what cannot be merged must not make a data directory
    with data_lock(data, "merge-data"):
        return _merge(data, other, renamed or {}, progress, dry_run=False)


def _merge(
    data: DataDir, other: Other, renamed: Mapping[str, str], progress: Progress | None, *, dry_run: bool
) -> DataMerged:
    stones = read_tombstones(data)
    # A project that was forgotten and is not registered again stays away, as its sessions do.
    matches = [
        match
        for match in match_projects(data, other, renamed)
        if match.ours is not None or not stones.has_project(match.project_id)
    ]
    if dry_run and not data.redaction_key.exists():
        redactor = Redactor.load(secrets.token_bytes(KEY_BYTES))
    else:
        redactor = load_redactor(data)
    result = DataMerged(new_run_id(), str(other.data.root), [], TextsMerged(), LandingResult(), dry_run)
    for match in matches:
        recorded = step(data, result.run_id, STEP, match.project_id, redactor=redactor)
        with nullcontext({}) if dry_run else recorded as counts:
            merged = _merge_project(data, other, match, redactor, stones, result.run_id, progress, dry_run=dry_run)
            counts.update(project_counts(merged), bytes=merged.sessions.bytes)
        result.projects.append(merged)
    result.runs = merge_runs(data, other, redactor, dry_run=dry_run)
    if not dry_run:
        _land(data, result, redactor, progress)
    return result


def _merge_project(
    data: DataDir,
    other: Other,
    match: Match,
    redactor: Redactor,
    stones: Tombstones,
    run_id: str,
    progress: Progress | None,
    *,
    dry_run: bool,
) -> ProjectMerged:
    project_id, their_id = match.project_id, match.theirs.project_id
    merged = ProjectMerged(project_id, their_id, match.ours is None)
    others = [project for project in load_projects(data) if project.project_id != project_id]
    project, merged.left_out = united(match, project_id, others)
    if not dry_run and project != match.ours:
        put(data, project)
    found, problems = other.entries(their_id)
    entries = [entry for entry in found if not stones.has_session(entry.session_id)]
    merged.forgotten = len({root_of(entry) for entry in found} - {root_of(entry) for entry in entries})
    reader = Reader(other, their_id, redactor)
    raw = data.raw(project_id)
    report = labelled(progress, f"{project_id}: merge")
    with nullcontext() if dry_run else exclusive_lock(raw, f"the archive of {project_id!r}"):
        manifest = (Manifest.read if dry_run else Manifest.open)(data.manifest(project_id))
        if manifest.damaged:
            raise IngestError(f"{manifest.path} has damaged lines: run `python -m ingest sync`, then merge again.")
        merged.sessions = merge_sessions(reader, entries, raw, manifest, run_id, report, dry_run=dry_run)
    parts = (data, project_id, other, their_id, redactor)
    merged.history = merge_history(*parts, dry_run=dry_run)
    merged.labels = merge_labels(*parts, dry_run=dry_run)
    merged.notes = merge_notes(*parts, dry_run=dry_run)
    merged.problems = [*problems, *merged.sessions.problems, *merged.history.problems, *merged.labels.problems]
    merged.problems += merged.notes.problems
    if not dry_run:
        _note(data, project)
    return merged


def _note(data: DataDir, project: Project) -> None:
    """The tier that the commits of both give, and metadata.json."""
    tier = instrumentation_tier(data.git_metadata(project.project_id)) or project.instrumentation_tier
    write_metadata(data, set_status(data, project.project_id, project.status, instrumentation_tier=tier))


def _land(data: DataDir, result: DataMerged, redactor: Redactor, progress: Progress | None) -> None:
    merged = {project.project_id: project for project in result.projects}
    projects = [p for p in load_projects(data) if p.project_id in merged and p.status != EXCLUDED]
    with step(data, result.run_id, "land", redactor=redactor) as counts:
        problems = {project_id: project.problems for project_id, project in merged.items()}
        result.landing = land(data, projects, result.run_id, labelled(progress, "landing"), problems=problems)
        counts.update(vars(result.landing))
    for project in projects:
        if merged[project.project_id].is_new:
            set_status(data, project.project_id, "completed")
    with opened(data) as connection:
        land_operations(connection, data, result.run_id)


def project_counts(merged: ProjectMerged) -> dict[str, int]:
    """What was taken of a project, in numbers."""
    return {
        "new_sessions": merged.sessions.new,
        "longer_sessions": merged.sessions.longer,
        "versions": merged.sessions.versions,
        "same_sessions": merged.sessions.same,
        "forgotten_sessions": merged.forgotten,
        "files": merged.sessions.files,
        "commits": merged.history.commits + merged.history.completed,
        "labels": merged.labels.lines,
        "notes": merged.notes.lines,
        "problems": len(merged.problems),
    }
