"""What is on this machine and not registered: sessions by repository, and what is about to be deleted."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ingest.agents.claude_code import cleanup_days, default_root, directory_of
from ingest.discovery.naming import directory_name, free_name, parent_name
from ingest.discovery.places import REPOSITORY, UNKNOWN, Place, places_of
from ingest.discovery.scan import FoundSession, scan
from ingest.files import is_inside
from ingest.forgetting.tombstones import read_tombstones
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.registry import Project, load_projects, slug
from ingest.runlog import now
from ingest.settings import setting

VANISHING, SIZE, SESSIONS, LAST = ORDERS = ("vanishing", "size", "sessions", "last")


@dataclass(frozen=True)
class Group:
    """The sessions of one place. Sizes are bytes, days `YYYY-MM-DD` in UTC, times UTC.

    `project_id` is the project that some of its directories are registered for; `unregistered` are sessions that no
    project reads. `vanishing` sessions may be deleted by the agent within the horizon and are not archived as they are
    now; the first of all may be at `vanishes_at`. `directories` are those that no project has, `shared_with` other
    places with sessions in them. `command` registers the place (arguments only; None where nothing is missing).
    """

    kind: str
    path: str | None
    project_id: str | None
    sessions: int
    unregistered: int
    subagents: int
    bytes: int
    first_day: str | None
    last_day: str | None
    vanishing: int
    vanishes_at: datetime | None
    directories: tuple[str, ...]
    shared_with: tuple[str, ...]
    command: str | None


@dataclass(frozen=True)
class Discovery:
    """What was found below `roots`; `hidden` counts the groups that are registered and left out, `forgotten` the
    sessions that were forgotten and are not shown, `unreadable` names files and directories that could not be opened,
    `links` counts symbolic links that were not followed."""

    roots: tuple[str, ...]
    cleanup_days: int
    horizon_days: int
    groups: list[Group] = field(default_factory=list)
    hidden: int = 0
    forgotten: int = 0
    unreadable: list[str] = field(default_factory=list)
    links: int = 0


@dataclass
class _Known:
    """The registry, and what is archived: of a project's source files their size and time when they were last read."""

    projects: list[Project]
    archived: dict[str, tuple[int, int]]

    def __post_init__(self) -> None:
        self.taken = [(str(Path(path).resolve()), one) for one in self.projects for path in one.session_directories]

    def owner(self, directory: str) -> Project | None:
        """The project that reads a session directory."""
        return next((project for taken, project in self.taken if is_inside(directory, taken)), None)


def discover(
    data: DataDir,
    directories: Sequence[Path] = (),
    *,
    order: str = VANISHING,
    include_registered: bool = False,
    horizon_days: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Discovery:
    """Look below `directories` (default: where the agent keeps its sessions). Changes nothing, reads little.

    Raises IngestError for a damaged registry, or where what was forgotten cannot be read.
    """
    roots = tuple(directories) or (default_root(),)
    days = setting("discover_days") if horizon_days is None else horizon_days
    found = scan(roots, progress)
    forgotten = read_tombstones(data)
    remembered = [session for session in found.sessions if not forgotten.has_session(session.session_id)]
    projects = load_projects(data)
    known = _Known(projects, _archived(data, projects))
    kept = cleanup_days()
    groups = _groups(remembered, known, is_elsewhere=bool(directories), horizon=timedelta(days=days), kept=kept)
    shown = [group for group in groups if include_registered or group.directories]
    return Discovery(
        roots=tuple(str(root) for root in roots),
        cleanup_days=kept,
        horizon_days=days,
        groups=sorted(shown, key=lambda group: _rank(group, order)),
        hidden=len(groups) - len(shown),
        forgotten=len(found.sessions) - len(remembered),
        unreadable=found.unreadable,
        links=found.links,
    )


def grouped(sessions: Sequence[FoundSession]) -> dict[Place, list[FoundSession]]:
    """The sessions by what they worked in. One that names no working directory goes with its directory: with the place
    that it is named after, else with that of all others in there, if it is one."""
    began = [(s.edges.cwd, s.edges.branch) for s in sessions if s.edges.cwd]
    places = places_of(began)
    groups: dict[Place, list[FoundSession]] = {}
    by_directory: dict[str, set[Place]] = {}
    nameless = []
    for session in sessions:
        if session.edges.cwd:
            place = places[session.edges.cwd]
            groups.setdefault(place, []).append(session)
            by_directory.setdefault(session.directory, set()).add(place)
        else:
            nameless.append(session)
    for session in nameless:
        around = by_directory.get(session.directory, set())
        name = Path(session.directory).name
        fitting = [place for place in around if directory_of(place.path or "") == name] or list(around)
        place = fitting[0] if len(fitting) == 1 else Place(UNKNOWN, session.directory)
        groups.setdefault(place, []).append(session)
    return groups


def _groups(
    found: Sequence[FoundSession], known: _Known, *, is_elsewhere: bool, horizon: timedelta, kept: int
) -> list[Group]:
    by_place = grouped(found)
    owners = {directory: known.owner(directory) for directory in {session.directory for session in found}}
    inhabitants: dict[str, set[str]] = {}
    for place, sessions in by_place.items():
        for session in sessions:
            inhabitants.setdefault(session.directory, set()).add(place.path or "")
    taken = {project.project_id for project in known.projects}
    groups = []
    for place, sessions in sorted(by_place.items(), key=lambda item: (item[0].kind != REPOSITORY, item[0].path or "")):
        free = sorted({session.directory for session in sessions if owners[session.directory] is None})
        owner = _owner(place, sessions, owners, known)
        shared = {other for directory in free for other in inhabitants[directory]} - {place.path or ""}
        at_risk = [at for session in sessions if (at := _vanishes_at(session, known, kept)) is not None]
        groups.append(
            Group(
                kind=place.kind,
                path=place.path,
                project_id=owner.project_id if owner else None,
                sessions=sum(not session.is_orphan for session in sessions),
                unregistered=sum(owners[s.directory] is None and not s.is_orphan for s in sessions),
                subagents=sum(session.subagents + session.is_orphan for session in sessions),
                bytes=sum(session.bytes for session in sessions),
                first_day=min((s.edges.first_day for s in sessions if s.edges.first_day), default=None),
                last_day=max((s.edges.last_day for s in sessions if s.edges.last_day), default=None),
                vanishing=sum(at <= now() + horizon for at in at_risk),
                vanishes_at=min(at_risk, default=None),
                directories=tuple(free),
                shared_with=tuple(sorted(shared)),
                command=_command(place, owner, free, taken, is_elsewhere=is_elsewhere) if free else None,
            )
        )
    return groups


def _owner(
    place: Place, sessions: Iterable[FoundSession], owners: dict[str, Project | None], known: _Known
) -> Project | None:
    """The project of this repository, else the one that reads most of the sessions."""
    for project in known.projects:
        if place.kind == REPOSITORY and place.path and place.path in (project.repository, *project.repository_paths):
            return project
    counts: dict[str, int] = {}
    for session in sessions:
        if owner := owners[session.directory]:
            counts[owner.project_id] = counts.get(owner.project_id, 0) + 1
    most = min(counts, key=lambda project_id: (-counts[project_id], project_id), default=None)
    return next((project for project in known.projects if project.project_id == most), None)


def _command(place: Place, owner: Project | None, free: list[str], taken: set[str], *, is_elsewhere: bool) -> str:
    """The arguments that register the place; an id that they give is added to `taken`."""
    arguments = ["add-project"]
    is_repository = place.kind == REPOSITORY and place.path is not None
    if owner is not None:
        arguments += ["--name", owner.name, "--id", owner.project_id]
        sessions = [*owner.session_directories, *free]
    else:
        # Always named: two repositories of one name would otherwise change theirs with the order of registering.
        path = place.path or ""
        name = free_name([directory_name(path), parent_name(path)] if path else ["sessions"], taken)
        taken.add(slug(name))
        arguments += ["--name", name]
        sessions = free
    if is_repository and place.path is not None:
        arguments += ["--repo", place.path]
    if is_elsewhere or not is_repository:
        arguments += [part for directory in sessions for part in ("--sessions", directory)]
    return shlex.join(arguments)


def _vanishes_at(session: FoundSession, known: _Known, days: int) -> datetime | None:
    """The first moment at which the agent may delete a session that is not archived as it is now."""
    edges = session.edges
    if not session.is_cleaned or known.archived.get(str(session.path)) == (edges.size, edges.mtime_ns):
        return None
    changed_at = datetime.fromtimestamp(edges.mtime, timezone.utc).replace(tzinfo=None)
    return max(changed_at + timedelta(days=days), now().replace(microsecond=0))


def _archived(data: DataDir, projects: Iterable[Project]) -> dict[str, tuple[int, int]]:
    newest: dict[str, tuple[int, int, int]] = {}
    for project in projects:
        for entry in read_manifest(data.manifest(project.project_id)).values():
            if entry.source not in newest or newest[entry.source][0] < entry.version:
                newest[entry.source] = (entry.version, entry.source_size, entry.source_mtime_ns)
    return {source: (size, mtime_ns) for source, (_, size, mtime_ns) in newest.items()}


def _rank(group: Group, order: str) -> tuple[object, ...]:
    first: object = {
        VANISHING: (group.vanishes_at or datetime.max, -group.vanishing),
        SIZE: -group.bytes,
        SESSIONS: -group.sessions,
        LAST: tuple(-ord(letter) for letter in group.last_day or ""),
    }[order]
    return first, group.kind, group.path or ""
