"""The other data directory. It is only ever read; no link in it is followed, and no path of it leaves it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from ingest.archive_plan import SESSIONS
from ingest.errors import IngestError, Problem
from ingest.files import is_safe_path, open_regular, printable
from ingest.manifest import ManifestEntry, read_entry
from ingest.paths import DataDir
from ingest.registry import Project, load_projects

STEP = "merge"
LEAVES = "path leaves the archive"
IS_LINK = "symbolic link"


class UnreadableError(Exception):
    """A file of the other directory that is not taken; its text says why, `detail` more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail

    def problem(self, path: str) -> Problem:
        """The same as a row for `path`."""
        return Problem(STEP, path, str(self), self.detail)


@dataclass(frozen=True)
class Other:
    """Another data directory and its registered projects."""

    data: DataDir
    projects: tuple[Project, ...]

    def path(self, *parts: str) -> Path:
        """A file or directory of it. Raises UnreadableError where a part is a link or leads out of it."""
        path = self.data.root
        for part in "/".join(parts).split("/"):
            if not is_safe_path(part):
                raise UnreadableError(LEAVES, "it is not followed")
            path /= part
            if path.is_symlink():
                raise UnreadableError(IS_LINK, "links are not followed")
        return path

    @contextmanager
    def opened(self, *parts: str) -> Iterator[tuple[int, int]]:
        """Descriptor and size of a regular file of it. Raises UnreadableError."""
        path = self.path(*parts)
        try:
            descriptor, state = open_regular(path)
        except OSError as error:
            raise UnreadableError("not readable", error.strerror or str(error)) from error
        try:
            yield descriptor, state.st_size
        finally:
            os.close(descriptor)

    def read(self, *parts: str) -> bytes | None:
        """The content of a small file of it; None where there is none. Raises UnreadableError."""
        if not os.path.lexists(self.path(*parts)):
            return None
        try:
            with self.opened(*parts) as (descriptor, _), os.fdopen(os.dup(descriptor), "rb") as stream:
                return stream.read()
        except OSError as error:
            raise UnreadableError("not readable", error.strerror or str(error)) from error

    def names(self, *parts: str) -> list[str]:
        """The names in a directory of it, sorted; none where there is no such directory. Raises UnreadableError."""
        try:
            return sorted(item.name for item in self.path(*parts).iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnreadableError("not readable", error.strerror or str(error)) from error

    def entries(self, project_id: str) -> tuple[list[ManifestEntry], list[Problem]]:
        """What its archive holds of a project, and what of its manifest cannot be used."""
        name = f"raw/{project_id}/manifest.jsonl"
        try:
            content = self.read(name) or b""
        except UnreadableError as error:
            return [], [error.problem("manifest.jsonl")]
        entries: dict[str, ManifestEntry] = {}
        problems = []
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].split(b"\n")[:-1], start=1):
            entry = read_entry(line)
            if entry is None:
                problems.append(_broken(line, number))
            elif entry.path.split("/")[0] != SESSIONS or entry.path.count("/") < 2:
                problems.append(Problem(STEP, printable(entry.path), LEAVES, f"it is not below {SESSIONS}/", number))
            else:
                entries[entry.path] = entry
        return list(entries.values()), problems


def open_other(root: Path, data: DataDir) -> Other:
    """The data directory at `root`. Raises IngestError where it is none, is this one, or is inside of it."""
    root = root.expanduser().resolve()
    mine = data.root.resolve()
    name = printable(str(root))
    if not root.is_dir():
        raise IngestError(f"{name} is no directory: give the data directory of the other machine, or a copy of it.")
    if root == mine or mine in root.parents or root in mine.parents:
        relation = "is" if root == mine else ("lies inside" if mine in root.parents else "contains")
        raise IngestError(f"{name} {relation} this data directory, {mine}: give that of another machine.")
    other = Other(DataDir(root), ())
    try:
        if not os.path.lexists(other.path("projects.json")):
            raise IngestError(f"{name} has no projects.json: give a directory that `python -m ingest` has filled.")
        other.path("raw")
    except UnreadableError as error:
        raise IngestError(f"{name} cannot be merged ({error}): give the directory itself, without links.") from error
    return Other(other.data, tuple(load_projects(other.data)))


def _broken(line: bytes, number: int) -> Problem:
    """A line of the other manifest that is no entry: a path that leads out of it is called what it is."""
    try:
        record = orjson.loads(line)
        path = record["path"]
        if isinstance(path, str) and not is_safe_path(path):
            return Problem(STEP, printable(path), LEAVES, "it is not followed", number)
    except (ValueError, KeyError, TypeError):
        pass
    return Problem(STEP, "manifest.jsonl", "manifest line cannot be read", f"{len(line)} bytes", number)
