"""What is to be forgotten: a session with all that belongs to it, or a whole project."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ingest.agents.claude_code import list_files
from ingest.archive_plan import name_redactor
from ingest.cold.part import part_files, read_part, root_of
from ingest.errors import IngestError
from ingest.explain import PREFIX_LENGTH, SHOWN_MATCHES
from ingest.files import printable
from ingest.forgetting.tombstones import PROJECT, SESSION, read_tombstones
from ingest.manifest import ManifestEntry, read_manifest
from ingest.paths import DataDir
from ingest.redaction import load_redactor
from ingest.registry import is_project_id, load_projects


@dataclass(frozen=True)
class Target:
    """`kind` is session or project. `roots` are the root sessions that go; of a project those that no other has too.

    `sessions` counts all of a project's archive.
    """

    kind: str
    name: str
    roots: tuple[str, ...]
    sessions: int

    @property
    def project_id(self) -> str | None:
        return self.name if self.kind == PROJECT else None


def find_target(data: DataDir, name: str) -> Target:
    """The project with this id, else the session whose id this is, or begins with it.

    Looks in the archives of all projects, in cold storage and in the sources of what is registered. Raises IngestError
    where nothing or more than one session fits; the sentence does not repeat the name, for it ends up in a log.
    """
    name = name.strip()
    archives = archived_roots(data)
    if name in archives or name in {project.project_id for project in load_projects(data)}:
        mine = archives.get(name, set())
        others = set().union(*(roots for project_id, roots in archives.items() if project_id != name))
        return Target(PROJECT, name, tuple(sorted(mine - others)), len(mine))
    if "/" in name:
        raise IngestError("A subagent goes with its session: give the session's id, which stands before the slash.")
    known = set().union(*archives.values())
    found = _beginning(known, name) or _beginning(source_roots(data), name)
    if not found:
        raise IngestError(
            f"No project has this id and no session's id begins so: give a project's id, or {PREFIX_LENGTH} or more "
            "characters of a session's id, as `explain` or mart `sessions` shows it."
        )
    if len(found) == 1 and found[0] not in known and read_tombstones(data).has_session(found[0]):
        raise IngestError(
            "This session was forgotten already, and nothing of it is archived: where the agent still has its files, "
            "delete them yourself."
        )
    if len(found) > 1:
        shown = ", ".join(map(printable, found[:SHOWN_MATCHES]))
        rest = f" and {len(found) - SHOWN_MATCHES} more" if len(found) > SHOWN_MATCHES else ""
        raise IngestError(f"More than one session's id begins so: {shown}{rest}. Give more characters.")
    return Target(SESSION, found[0], (found[0],), 1)


def archived_roots(data: DataDir) -> dict[str, set[str]]:
    """The root sessions in the archive of each project, registered or not, in cold storage or not."""
    found = {project_id: {root_of(entry) for entry in entries_of(data, project_id)} for project_id in archives(data)}
    for path in part_files(data):
        with suppress(IngestError):  # what a damaged part holds, its manifest still names
            part = read_part(data, path)
            found.setdefault(part.project_id, set()).update(one.root_session_id for one in part.sessions)
    return found


def archives(data: DataDir) -> list[str]:
    """Every project of which something is kept, registered or not."""
    places = data.places_of_projects
    names = {path.name for place in places for path in place.glob("*") if path.is_dir() and not path.is_symlink()}
    return sorted(filter(is_project_id, names))


def entries_of(data: DataDir, project_id: str) -> Iterable[ManifestEntry]:
    """What a project's manifest names. Raises IngestError where it cannot be read."""
    path = data.manifest(project_id)
    try:
        return read_manifest(path).values()
    except OSError as error:
        raise IngestError(f"{path} cannot be read ({error.strerror}): change its permissions.") from error


def source_files(data: DataDir, roots: set[str]) -> list[Path]:
    """The agent's own files of some root sessions, where registered projects are read from."""
    return [path for root, path in _sources(data) if root in roots]


def source_roots(data: DataDir) -> set[str]:
    """The root sessions in the agent's own directories of all registered projects."""
    return {root for root, _ in _sources(data)}


def _sources(data: DataDir) -> Iterable[tuple[str, Path]]:
    directories = {Path(path) for project in load_projects(data) for path in project.session_directories}
    if not directories or not data.redaction_key.exists():
        return
    clean = name_redactor(load_redactor(data).redact_text)
    for directory in sorted(directories):
        with suppress(OSError):
            for file in list_files(directory)[0] if directory.is_dir() else []:
                yield clean(file.session_id).split("/", 1)[0], file.path


def _beginning(roots: set[str], name: str) -> list[str]:
    """Those that begin with the name; the one that is the name where there is it."""
    if name in roots:
        return [name]
    return sorted(root for root in roots if len(name) >= PREFIX_LENGTH and root.startswith(name))
