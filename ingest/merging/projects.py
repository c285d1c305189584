"""Which project of the other registry is which of ours, and the entry that both give.

The same id is the same project where anything says so: a path, a session or a commit that both know. Where nothing
does, or where two ids know the same sessions, a person has to say it with `--rename`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import is_inside, printable
from ingest.json_stream import read_commits_anyhow
from ingest.manifest import ManifestEntry, read_manifest
from ingest.merging.other import Other, UnreadableError
from ingest.paths import DataDir
from ingest.registry import Project, is_project_id, load_projects


@dataclass(frozen=True)
class Match:
    """A project of theirs, the id that it has here, and ours of that id, if there is one."""

    theirs: Project
    project_id: str
    ours: Project | None


def match_projects(data: DataDir, other: Other, renamed: Mapping[str, str]) -> list[Match]:
    """Pair the projects of both registries. `renamed`: id there → id here, as a person said it.

    Raises IngestError, with what to do, where an id means another project here, or a project has another id here.
    """
    ours = {project.project_id: project for project in load_projects(data)}
    theirs = {project.project_id: project for project in other.projects}
    for there, here in renamed.items():
        if there not in theirs:
            known = ", ".join(theirs) or "none"
            raise IngestError(f"--rename {printable(there)}: no such project there (there are: {known}).")
        if not is_project_id(here):
            raise IngestError(f"--rename {there}={printable(here)}: an id has lower-case letters, digits and hyphens.")
    matches = [
        Match(project, renamed.get(there, there), ours.get(renamed.get(there, there)))
        for there, project in theirs.items()
    ]
    taken: dict[str, str] = {}
    for match in matches:
        there = match.theirs.project_id
        if match.project_id in taken:
            raise IngestError(
                f"{taken[match.project_id]!r} and {there!r} of the other directory would both be {match.project_id!r} "
                f"here: give one another id with --rename {there}=NEW-ID."
            )
        taken[match.project_id] = there
        if there not in renamed:
            _check(data, other, match, ours)
    return matches


def _check(data: DataDir, other: Other, match: Match, ours: Mapping[str, Project]) -> None:
    there = match.theirs.project_id
    sessions = _session_ids(other.entries(there)[0])
    if match.ours is not None and not _is_same(data, other, match.ours, match.theirs, sessions):
        raise IngestError(
            f"The project {there!r} is another one here ({match.ours.name}) than there ({match.theirs.name}), by "
            f"paths, sessions and commits: take it over under another id with --rename {there}=NEW-ID, or say that "
            f"both are the same with --rename {there}={there}."
        )
    if match.ours is None:
        for project_id in ours:
            if sessions & _session_ids(read_manifest(data.manifest(project_id)).values()):
                raise IngestError(
                    f"The project {there!r} of the other directory has sessions that {project_id!r} has here: say that "
                    f"both are the same with --rename {there}={project_id}, or keep them apart with "
                    f"--rename {there}={there}."
                )


def _is_same(data: DataDir, other: Other, ours: Project, theirs: Project, sessions: set[str]) -> bool:
    if _paths(ours) & _paths(theirs):
        return True
    my_sessions = _session_ids(read_manifest(data.manifest(ours.project_id)).values())
    if sessions & my_sessions:
        return True
    mine = _commits(data.git_metadata(ours.project_id))
    try:
        yours = _commits(other.path("processed", theirs.project_id, "git-metadata.json"))
    except UnreadableError:
        yours = set()
    if mine & yours:
        return True
    # Nothing is known of one of them that could tell them apart but the name.
    is_empty = not (mine or my_sessions) or not (yours or sessions)
    return is_empty and ours.name.casefold() == theirs.name.casefold()


def _paths(project: Project) -> set[str]:
    named = {project.repository, project.remote, *project.repository_paths, *project.session_directories}
    return {name for name in named if name}


def _session_ids(entries: Iterable[ManifestEntry]) -> set[str]:
    return {entry.session_id.split("/")[0] for entry in entries if entry.kind == "transcript"}


def _commits(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    return {
        commit["sha"]
        for _, commit in read_commits_anyhow(path)
        if isinstance(commit, dict) and isinstance(commit.get("sha"), str)
    }


def united(match: Match, project_id: str, others: Sequence[Project]) -> tuple[Project, list[str]]:
    """The entry of both, and the session directories of theirs that are not on this machine, or belong to others here.

    Those stay out: every sync would miss them. The other machine reads them, and merging again brings what is new.
    """
    ours, theirs = match.ours, match.theirs
    kept: list[str] = list(ours.session_directories) if ours else []
    left_out = []
    taken = [directory for project in others for directory in project.session_directories]
    for directory in theirs.session_directories:
        if any(is_inside(directory, mine) for mine in kept):
            continue
        is_taken = any(is_inside(directory, it) or is_inside(it, directory) for it in [*taken, *kept])
        if is_taken or not Path(directory).is_dir() or str(Path(directory).resolve()) != directory:
            left_out.append(directory)
        else:
            kept.append(directory)
    paths = [*((ours.repository_paths) if ours else ()), *theirs.repository_paths]
    if theirs.repository:
        paths.append(theirs.repository)
    if ours is not None:
        merged = replace(
            ours,
            repository_paths=tuple(dict.fromkeys(paths)),
            session_directories=tuple(kept),
            added_at=min(ours.added_at, theirs.added_at),
            notes=ours.notes or theirs.notes,
        )
        return merged, left_out
    has_repository = bool(theirs.repository) and Path(str(theirs.repository)).is_dir()
    has_metadata = bool(theirs.git_metadata) and Path(str(theirs.git_metadata)).is_file()
    merged = replace(
        theirs,
        project_id=project_id,
        repository=theirs.repository if has_repository else None,
        repository_paths=tuple(dict.fromkeys(paths)),
        session_directories=tuple(kept),
        git_metadata=theirs.git_metadata if has_metadata else None,
        status=theirs.status if theirs.status == "excluded" else "pending_processing",
    )
    return merged, left_out
