"""Session directories that came after a project was registered: a new worktree has one of its own, to be read too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ingest.agents.claude_code import default_root
from ingest.data_repository import normal_remote
from ingest.discovery.discover import grouped
from ingest.discovery.places import REPOSITORY
from ingest.discovery.scan import scan
from ingest.errors import IngestError
from ingest.files import is_inside
from ingest.paths import DataDir
from ingest.registry import EXCLUDED, Project, load_projects, put
from ingest.repositories import common_directory, is_directory, remote_addresses, worktree_paths


def adopt(data: DataDir, projects: Sequence[Project]) -> tuple[list[Project], dict[str, list[str]]]:
    """Give each project the agent's directories that no project has and in which a session began in its repository.

    Returns the projects as they are registered now, and what each was given. Left alone are projects whose directories
    were chosen with --sessions: they have `has_chosen_sessions`, or a directory elsewhere.
    """
    root = default_root().resolve()
    hosts = {key: project for project in projects if _adopts(project, root) for key in _keys(project)}
    free = _free(root, load_projects(data)) if hosts else []
    found: dict[str, list[str]] = {}
    for place, sessions in grouped(scan(free).sessions).items():
        if place.kind != REPOSITORY or place.path is None:
            continue
        host = next((hosts[key] for key in _keys_of(Path(place.path)) if key in hosts), None)
        if host is not None:
            directories = {str(root / Path(session.directory).relative_to(root).parts[0]) for session in sessions}
            found.setdefault(host.project_id, []).extend(directories)
    given: set[str] = set()
    result = []
    for project in projects:
        new = sorted(set(found.get(project.project_id, ())) - given)
        given |= set(new)
        found[project.project_id] = new
        result.append(_with(data, project, new) if new else project)
    return result, found


def _adopts(project: Project, root: Path) -> bool:
    is_chosen = project.has_chosen_sessions or any(
        Path(directory).parent != root for directory in project.session_directories
    )
    return project.status != EXCLUDED and not is_chosen


def _keys(project: Project) -> list[str]:
    """What a repository is known by: its git directory, or the address of a project that has none here."""
    if project.remote:
        return [normal_remote(project.remote)]
    if project.repository and is_directory(project.repository):
        common = common_directory(Path(project.repository))
        return [common] if common else []
    return []


def _keys_of(top: Path) -> list[str]:
    common = common_directory(top)
    return [*([common] if common else []), *map(normal_remote, remote_addresses(top))]


def _free(root: Path, projects: Sequence[Project]) -> list[Path]:
    """The session directories below `root` that no project has."""
    taken = [str(Path(directory).resolve()) for project in projects for directory in project.session_directories]
    try:
        with os.scandir(root) as listing:
            below = sorted(entry.path for entry in listing if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [Path(path) for path in below if not any(is_inside(path, one) for one in taken)]


def _with(data: DataDir, project: Project, directories: list[str]) -> Project:
    paths = project.repository_paths
    if project.repository:
        with suppress(IngestError):  # a damaged repository is said where its history is read
            paths = tuple(dict.fromkeys((*paths, *worktree_paths(Path(project.repository)))))
    grown = replace(project, session_directories=(*project.session_directories, *directories), repository_paths=paths)
    put(data, grown)
    return grown
