"""A move between archive and cold storage that can be killed at any instant.

Everything new is written aside and verified first. Then one file, `data/archived/unfinished.json`, says what is left to
do, and `finish` does it: new Parquet into place, looked at again; the manifest, which decides where a session is; and
last what has to go. Each of these steps can be done twice. What was written aside without a journal is nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import orjson

from ingest.below import exists_below, hash_below, move_below, open_below, remove_below
from ingest.cold.places import JOURNAL, SCRATCH, checked_name
from ingest.cold.union import write_union
from ingest.errors import IngestError
from ingest.files import disk_errors, printable, write_atomically
from ingest.locks import data_lock
from ingest.manifest import Manifest
from ingest.paths import DataDir

KEPT_DIRECTORIES = 1  # `sessions` and `marts` themselves stay


@dataclass(frozen=True)
class Move:
    """What is left to do for one project. Paths of Parquet are below `archived`, of files below `raw/<project>`."""

    project_id: str
    new: tuple[tuple[str, str], ...]  # files below `.scratch` that go to the same place below `archived`: path, SHA-256
    cold: tuple[tuple[str, str, str], ...]  # files that are in cold storage now: path, content hash, part
    live: tuple[tuple[str, str], ...]  # files that are back: path, content hash
    old: tuple[str, ...]  # files of cold storage that nothing names any more


def begin(data: DataDir, move: Move) -> None:
    """From here on the move will be finished, whatever happens. Raises IngestError; nothing has begun then."""
    write_atomically(data.archived / JOURNAL, orjson.dumps(asdict(move)))


def settle(data: DataDir) -> None:
    """Finish a move that was cut short, before anybody looks at what there is. Raises as `finish`."""
    if (data.archived / JOURNAL).exists():
        with data_lock(data, "archive"):
            finish(data)


def finish(data: DataDir) -> bool:
    """Finish a move that was cut short, and clear away what never began. Returns whether there was one.

    Raises IngestError where the disk refuses, or where Parquet that is named is not what was verified: nothing of the
    archive is deleted then.
    """
    move = _read(data)
    if move is None:
        if (data.archived / SCRATCH).is_dir():
            shutil.rmtree(data.archived / SCRATCH, ignore_errors=True)
        return False
    _place(data, move)
    _note(data, move)
    for path, _, _ in move.cold:
        remove_below(data.raw(move.project_id), path)
    for path in move.old:
        remove_below(data.archived, path, keep=KEPT_DIRECTORIES)
    write_union(data)
    shutil.rmtree(data.archived / SCRATCH, ignore_errors=True)
    remove_below(data.archived, JOURNAL)
    return True


def _place(data: DataDir, move: Move) -> None:
    for path, digest in move.new:
        if exists_below(data.archived, f"{SCRATCH}/{path}"):
            move_below(data.archived, f"{SCRATCH}/{path}", path)
        if hash_below(data.archived, path)[1] != digest:
            raise IngestError(
                f"{data.archived / path} is not what was verified, so nothing was deleted: restore it from a backup. "
                f"If all session files are still in {data.raw(move.project_id)}, delete {data.archived / JOURNAL} "
                "instead and run the same command again."
            )
    for path, digest in move.live:
        if hash_below(data.raw(move.project_id), path)[1] != digest:
            raise IngestError(
                f"{printable(str(data.raw(move.project_id) / path))} is not what was verified, so it stays in cold "
                f"storage: delete {data.archived / JOURNAL} and restore it again."
            )


def _note(data: DataDir, move: Move) -> None:
    """Say in the manifest where the files are now."""
    manifest = Manifest.open(data.manifest(move.project_id))
    changed = []
    for path, digest, part_id in move.cold:
        entry = manifest.entries.get(path)
        if entry is None or entry.content_hash != digest:
            raise IngestError(
                f"The manifest of {move.project_id!r} no longer has {printable(path)} as it was moved, so nothing was "
                f"deleted: delete {data.archived / JOURNAL} and run the same command again."
            )
        if entry.cold != part_id:
            changed.append(replace(entry, cold=part_id))
    for path, digest in move.live:
        entry = manifest.entries.get(path)
        if entry is not None and entry.content_hash == digest and entry.cold is not None:
            changed.append(replace(entry, cold=None))
    manifest.append(changed)


def _read(data: DataDir) -> Move | None:
    path = data.archived / JOURNAL
    if not path.exists():
        return None
    try:
        descriptor, _ = open_below(data.archived, JOURNAL)
        with os.fdopen(descriptor, "rb") as file:
            document = orjson.loads(file.read())
        return Move(
            project_id=checked_name(str(document["project_id"])),
            new=_tuples(document["new"]),
            cold=_tuples(document["cold"]),
            live=_tuples(document["live"]),
            old=tuple(map(str, document["old"])),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        with disk_errors(path):
            raise IngestError(f"{path} cannot be read ({error}): restore it from a backup.") from error


def _tuples(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(str, row)) for row in rows)
