"""A part: what one move to cold storage left in one partition, and its description as JSON beside its lines.

The manifest of the archive decides: a session is cold where its entries name a part, and that part is all there is of
it. What a part says of itself is enough to bring its sessions back, also where the manifest was lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from ingest.below import open_below
from ingest.cold.places import part_path
from ingest.errors import IngestError
from ingest.files import is_safe_path, printable
from ingest.manifest import ManifestEntry, entry_of, record_of
from ingest.paths import DataDir

PART_VERSION = 1


@dataclass(frozen=True)
class ParquetFile:
    """A file below `archived`: of a mart (the lines have none), its rows, bytes and SHA-256."""

    path: str
    rows: int
    bytes: int
    sha256: str
    mart: str | None = None
    project_id: str | None = None


@dataclass(frozen=True)
class PartSession:
    """A root session in a part. `family` is the same for sessions that share records: they move together."""

    root_session_id: str
    family: str
    ended_at: str | None
    files: int
    lines: int
    bytes: int


@dataclass(frozen=True)
class Part:
    """One partition of one move. `files` are the entries that the manifest had, in the order of the lines."""

    part_id: str
    project_id: str
    month: str
    made_at: str
    ope_version: str
    lines: ParquetFile
    marts: tuple[ParquetFile, ...]
    sessions: tuple[PartSession, ...]
    files: tuple[ManifestEntry, ...]

    @property
    def parquet(self) -> tuple[ParquetFile, ...]:
        return (self.lines, *self.marts)

    def files_of(self, roots: Iterable[str]) -> list[ManifestEntry]:
        """The entries of some of its sessions."""
        wanted = set(roots)
        return [entry for entry in self.files if root_of(entry) in wanted]


def root_of(entry: ManifestEntry) -> str:
    """The root session that a file belongs to, as staging has it."""
    return entry.session_id.split("/", 1)[0]


def part_json(part: Part) -> bytes:
    """A part as the file beside its lines."""
    document = {"version": PART_VERSION, **asdict(part), "files": list(map(record_of, part.files))}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def part_files(data: DataDir, project_id: str | None = None) -> list[str]:
    """The paths of all parts, below `archived`, in order."""
    pattern = f"sessions/project_id={project_id or '*'}/month=*/*.json"
    return sorted(path.relative_to(data.archived).as_posix() for path in data.archived.glob(pattern))


def stored_files(data: DataDir, project_id: str) -> list[str]:
    """Every file of a project's parts, below `archived`: by their names, so that damaged ones are found too."""
    own = [path for path in data.archived.glob(f"sessions/project_id={project_id}/month=*/*") if path.is_file()]
    parts = {path.stem for path in own}
    marts = [path for path in data.archived.glob("marts/*/*/*/*.parquet") if path.stem in parts]
    return sorted(path.relative_to(data.archived).as_posix() for path in (*own, *marts))


def read_part(data: DataDir, relative: str) -> Part:
    """Read a part. Raises IngestError where it is no part of this version or was damaged."""
    try:
        descriptor, _ = open_below(data.archived, relative)
        with os.fdopen(descriptor, "rb") as file:
            part = _part(orjson.loads(file.read()))
        if part_path(part.project_id, part.month, part.part_id) != relative:
            raise ValueError("it names another place")
        return part
    except (OSError, ValueError, KeyError, TypeError, IngestError) as error:
        raise IngestError(
            f"{printable(str(data.archived / relative))} cannot be read ({error}): restore it from a backup."
        ) from error


def read_parts(data: DataDir, project_id: str | None = None) -> list[Part]:
    """All parts, or those of a project's archive. Raises IngestError."""
    return [read_part(data, relative) for relative in part_files(data, project_id)]


def _part(document: dict[str, Any]) -> Part:
    if document["version"] != PART_VERSION:
        raise ValueError(f"version {document['version']}")
    files = [entry_of(entry) for entry in document["files"]]
    parquet = [ParquetFile(**document["lines"]), *(ParquetFile(**mart) for mart in document["marts"])]
    if None in files or not all(is_safe_path(file.path) for file in parquet):
        raise ValueError("an entry is no entry")
    return Part(
        part_id=document["part_id"],
        project_id=document["project_id"],
        month=document["month"],
        made_at=document["made_at"],
        ope_version=document["ope_version"],
        lines=parquet[0],
        marts=tuple(parquet[1:]),
        sessions=tuple(PartSession(**session) for session in document["sessions"]),
        files=tuple(entry for entry in files if entry is not None),
    )
