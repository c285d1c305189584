"""Sessions from cold storage back into the archive: copy, verify, note, delete."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from pathlib import Path

import duckdb

from ingest.below import create_below, hash_below, move_below
from ingest.cold.journal import Move, begin, finish
from ingest.cold.lines import Line, stored_lines
from ingest.cold.marts import ROOTS, MartRows, chosen_roots, write_marts
from ingest.cold.part import ParquetFile, Part, PartSession, read_part, read_parts, root_of
from ingest.cold.places import SCRATCH, lines_path, mart_path, part_path, sql_pattern
from ingest.cold.writing import bytes_reported, store_lines, store_part, written_aside
from ingest.database import storage_errors
from ingest.errors import IngestError
from ingest.files import disk_errors, make_private_directory, printable, write_all
from ingest.locks import data_lock
from ingest.manifest import Manifest, ManifestEntry
from ingest.paths import DataDir
from ingest.progress import Progress
from ingest.runlog import new_run_id, step


@dataclass(frozen=True)
class ColdSession:
    """A root session in cold storage, and the part that has it."""

    project_id: str
    session: PartSession
    part: Part


@dataclass
class Restored:
    """What one run brought back."""

    run_id: str
    sessions: int = 0
    files: int = 0
    lines: int = 0
    bytes: int = 0
    roots: list[str] = field(default_factory=list)


def cold_sessions(data: DataDir) -> list[ColdSession]:
    """Everything in cold storage, by project, month and part. Raises IngestError for a damaged part."""
    return [ColdSession(part.project_id, session, part) for part in read_parts(data) for session in part.sessions]


def named_cold(
    sessions: Sequence[ColdSession], session_ids: Sequence[str], project_id: str | None
) -> tuple[list[ColdSession], list[str]]:
    """Those with these ids (all where there is none) of a project or of all, with their families; ids not found."""
    roots = {session_id.split("/", 1)[0] for session_id in session_ids}

    def is_wanted(one: ColdSession) -> bool:
        return (not roots or one.session.root_session_id in roots) and project_id in (None, one.project_id)

    found = with_families(sessions, is_wanted)
    return found, sorted(roots - {one.session.root_session_id for one in found})


def with_families(sessions: Sequence[ColdSession], wanted: Callable[[ColdSession], bool]) -> list[ColdSession]:
    """Those that are wanted and those that share records with them, in all projects."""
    families = {one.session.family for one in sessions if wanted(one)}
    return [one for one in sessions if one.session.family in families]


def restore_sessions(data: DataDir, sessions: Sequence[ColdSession], progress: Progress | None = None) -> Restored:
    """Bring sessions back into the archive, part by part; what else is in a part goes into a new one.

    The database has them again with the next `sync`. Raises IngestError where cold storage is damaged, another file
    stands in the place of one, or the disk refuses: that part is as it was then.
    """
    with data_lock(data, "restore"):
        finish(data)
        restored = Restored(new_run_id())
        by_part = groupby(sorted(sessions, key=lambda one: one.part.part_id), key=lambda one: one.part)
        for number, (part, group) in enumerate(by_part, start=1):
            roots = {one.session.root_session_id for one in group}
            with step(data, restored.run_id, "restore", part.project_id) as counts:
                chosen = [session for session in part.sessions if session.root_session_id in roots]
                total = sum(session.bytes for session in chosen)
                label = f"{part.project_id} {part.month}: from cold storage"
                report = bytes_reported(progress, label, total)
                _restore(data, part, roots, f"{restored.run_id}-{number:02}", report)
                counts.update(_count(restored, chosen))
        return restored


def _restore(data: DataDir, part: Part, roots: set[str], new_id: str, progress: Callable[[int], None]) -> None:
    if read_part(data, part_path(part.project_id, part.month, part.part_id)) != part:
        raise IngestError(f"Cold storage of {part.project_id!r} has changed meanwhile: run the same command again.")
    for file in part.parquet:
        if hash_below(data.archived, file.path) != (file.bytes, file.sha256):
            raise IngestError(
                f"{printable(str(data.archived / file.path))} is not as it was written: restore it from a backup."
            )
    raw = data.raw(part.project_id)
    manifest = Manifest.open(data.manifest(part.project_id))
    # What a lost manifest no longer knows, it learns from the part.
    manifest.append(replace(entry, cold=part.part_id) for entry in part.files if entry.path not in manifest.entries)
    cold = [entry for entry in part.files if manifest.entries[entry.path].cold == part.part_id]
    back = [entry for entry in cold if root_of(entry) in roots]
    kept = [entry for entry in cold if root_of(entry) not in roots]
    unpack(raw, back, stored_lines(data.archived, part.lines.path, {entry.path for entry in back}), progress)
    with written_aside(data) as scratch:
        move = Move(
            project_id=part.project_id,
            new=_remaining(data, scratch, part, kept, new_id) if kept else (),
            cold=tuple((entry.path, entry.content_hash, new_id) for entry in kept),
            live=tuple((entry.path, entry.content_hash) for entry in back),
            # the description first: no part may name what is not there
            old=(part_path(part.project_id, part.month, part.part_id), *(file.path for file in part.parquet)),
        )
        begin(data, move)
        finish(data)


def unpack(raw: Path, entries: Sequence[ManifestEntry], lines: Iterable[Line], progress: Callable[[int], None]) -> None:
    """Write files below `raw` from their lines (file by file), each aside first and only where its hash is right.

    Raises IngestError where another file stands in the place of one, or one is not what its entry says.
    """
    of_path = {entry.path: entry for entry in entries}
    with disk_errors(raw):
        make_private_directory(raw)
    filled = groupby(lines, key=lambda line: line[0])
    empty = ((entry.path, ()) for entry in entries if not entry.archived_lines)
    for path, group in chain(filled, empty):
        entry = of_path[path]
        aside = f"{SCRATCH}/restored"
        digest, size = hashlib.sha256(), 0
        with disk_errors(raw / path):
            descriptor = create_below(raw, aside)
            try:
                for _, content in group:
                    digest.update(content)
                    size += len(content)
                    write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        wanted = (entry.archived_bytes, entry.content_hash)
        if (size, digest.hexdigest()) != wanted or hash_below(raw, aside) != wanted:
            raise IngestError(f"{printable(path)} does not come out of cold storage as it went in: nothing was moved.")
        # A killed run may have left it; anything else there is not ours to replace.
        if hash_below(raw, path) not in ((-1, ""), wanted):
            raise IngestError(f"{printable(str(raw / path))} is in the way of a restored file: move it elsewhere.")
        move_below(raw, aside, path)
        progress(size)
    with suppress(OSError):
        (raw / SCRATCH).rmdir()
    missing = [entry.path for entry in entries if hash_below(raw, entry.path)[1] != entry.content_hash]
    if missing:
        raise IngestError(f"{printable(missing[0])} is not in its part of cold storage: restore that from a backup.")


def _remaining(
    data: DataDir, scratch: Path, part: Part, kept: Sequence[ManifestEntry], new_id: str
) -> tuple[tuple[str, str], ...]:
    """Write what stays of a part as a new part; its files with their hashes."""
    roots = {root_of(entry) for entry in kept}
    place = lines_path(part.project_id, part.month, new_id)
    stored = stored_lines(data.archived, part.lines.path, {entry.path for entry in kept})
    lines = store_lines(scratch, place, kept, stored)
    with storage_errors(scratch), duckdb.connect() as connection, chosen_roots(connection, roots):
        sources = [_rows(connection, data, mart) for mart in part.marts]
        marts: list[ParquetFile] = []
        for source in sources:
            path = mart_path(source.mart, source.project_id or part.project_id, part.month, new_id)
            marts += write_marts(connection, scratch, [source], lambda mart, owner, path=path: path)
    smaller = replace(
        part,
        part_id=new_id,
        lines=lines,
        marts=tuple(marts),
        sessions=tuple(session for session in part.sessions if session.root_session_id in roots),
        files=tuple(kept),
    )
    return store_part(scratch, smaller)


def _rows(connection: duckdb.DuckDBPyConnection, data: DataDir, file: ParquetFile) -> MartRows:
    relation = f"read_parquet({sql_pattern(data.archived / file.path)}, hive_partitioning = false)"
    columns = {name for name, *_ in connection.execute(f"describe select * from {relation}").fetchall()}
    root = next(expression for column, expression in ROOTS.items() if column in columns)
    return MartRows(str(file.mart), relation, root, file.project_id)


def _count(restored: Restored, sessions: Sequence[PartSession]) -> dict[str, int]:
    """Add sessions to what was restored; their counts alone."""
    counts = {
        "sessions": len(sessions),
        "files": sum(session.files for session in sessions),
        "lines": sum(session.lines for session in sessions),
        "bytes": sum(session.bytes for session in sessions),
    }
    for name, count in counts.items():
        setattr(restored, name, getattr(restored, name) + count)
    restored.roots += [session.root_session_id for session in sessions]
    return counts
