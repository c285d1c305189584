"""Which sessions lie below a directory: only the ends of their transcripts are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ingest.agents import SourceFile
from ingest.agents.claude_code import default_root, list_files
from ingest.agents.edges import Edges, read_edges
from ingest.files import is_inside, printable

REPORTED_FILES = 50
# Directories that a session has of its own, in one with its name.
OF_A_SESSION = ("subagents", "tool-results")


@dataclass(frozen=True)
class FoundSession:
    """A transcript at the top of its family. `directory` is the session directory that it belongs to, `bytes` its
    size with that of all its subagents and sidecars, `is_cleaned` whether the agent deletes old files there,
    `is_orphan` whether it is a subagent whose own session is gone."""

    path: Path
    directory: str
    session_id: str
    subagents: int
    bytes: int
    is_cleaned: bool
    is_orphan: bool
    edges: Edges


@dataclass
class Found:
    """The sessions of some directories, and what stands in the way of others.

    `unreadable` are files and directories that could not be opened, `links` symbolic links that were not followed.
    """

    sessions: list[FoundSession] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    links: int = 0


def scan(roots: Iterable[Path], progress: Callable[[int, int], None] | None = None) -> Found:
    """The sessions below `roots`, by path. A directory that is not there has none.

    A session directory is one that holds the transcripts of sessions directly.
    """
    found = Found()
    for root in dict.fromkeys(root.resolve() for root in roots):
        if root.is_dir():
            _scan(root, found, progress)
    return found


def _scan(root: Path, found: Found, progress: Callable[[int, int], None] | None) -> None:
    is_cleaned = is_inside(str(root), str(default_root().resolve()))
    files, problems = list_files(root)
    found.links += sum(problem.reason == "symbolic link" for problem in problems)
    found.unreadable += [
        printable(str(root / problem.path)) for problem in problems if problem.reason != "symbolic link"
    ]
    sessions, families = _families(files)
    for number, file in enumerate(sessions, start=1):
        if progress and (number % REPORTED_FILES == 0 or number == len(sessions)):
            progress(number, len(sessions))
        try:
            edges = read_edges(file.path)
        except OSError:
            found.unreadable.append(printable(str(file.path)))
            continue
        family = families.get(_key(file), [])
        found.sessions.append(
            FoundSession(
                path=file.path,
                directory=str(root / _key(file)[0]),
                session_id=file.session_id,
                subagents=sum(one.kind == "transcript" for one in family),
                bytes=edges.size + sum(map(_size, family)),
                is_cleaned=is_cleaned,
                is_orphan=file.parent_session_id is not None,
                edges=edges,
            )
        )


def _families(files: list[SourceFile]) -> tuple[list[SourceFile], dict[tuple[str, str], list[SourceFile]]]:
    """The transcripts that stand for a session, and below the session that they belong to all other files.

    Subagents and sidecars whose session is gone stand under the first transcript among them.
    """
    sessions = {_key(file): file for file in files if file.kind == "transcript" and file.parent_session_id is None}
    families: dict[tuple[str, str], list[SourceFile]] = {}
    for file in files:
        key = _key(file)
        if key not in sessions and file.kind == "transcript":
            sessions[key] = file
        elif sessions.get(key) is not file:
            families.setdefault(key, []).append(file)
    return list(sessions.values()), families


def _key(file: SourceFile) -> tuple[str, str]:
    """The session directory, below the root, and the session at the top of the family."""
    above = file.relative_path.split("/")[:-1]
    for name in OF_A_SESSION:
        if name in above:
            above = above[: max(above.index(name) - 1, 0)]  # the directory before is named after the session
    return "/".join(above), file.session_id.split("/")[0]


def _size(file: SourceFile) -> int:
    try:
        return file.path.lstat().st_size
    except OSError:
        return 0
