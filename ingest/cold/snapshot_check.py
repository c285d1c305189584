"""Is a snapshot what it was when it was made?"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.below import hash_below, open_below
from ingest.cold.changelog import noted_hash
from ingest.cold.snapshots import MANIFEST, README, Snapshot, read_snapshot, snapshot_path
from ingest.files import printable
from ingest.paths import DataDir
from ingest.progress import Progress


@dataclass(frozen=True)
class Verified:
    """How many files were compared, and what is wrong, a sentence each."""

    version: str
    files: int
    bytes: int
    problems: tuple[str, ...]


def verify_snapshot(data: DataDir, version: str, progress: Progress | None = None) -> Verified:
    """Compare every file with the manifest, and that with the changelog. Raises IngestError where there is none."""
    snapshot, digest = read_snapshot(data, version)
    problems = []
    noted = noted_hash(data, version)
    if noted is None:
        problems.append("CHANGELOG.md of the data directory does not name it")
    elif noted != digest:
        problems.append(f"{MANIFEST} is not the one that CHANGELOG.md of the data directory names")
    for done, file in enumerate(snapshot.files, start=1):
        place = f"{version}/{file.path}"
        size, found = hash_below(data.archived, place)
        if size < 0:
            problems.append(f"{file.path} is missing")
        elif (size, found) != (file.bytes, file.sha256):
            problems.append(f"{file.path} differs: {size:,} bytes, SHA-256 {found or 'unknown'}")
        elif (rows := _rows(data, place)) != file.rows:
            problems.append(f"{file.path} has {rows:,} rows, not {file.rows:,}")
        if progress:
            progress(f"verify {version}", done, len(snapshot.files))
    problems += [f"{path} does not belong to it" for path in _extra(data, snapshot)]
    return Verified(version, len(snapshot.files), snapshot.bytes, tuple(problems))


def _rows(data: DataDir, place: str) -> int:
    try:
        descriptor, _ = open_below(data.archived, place)
        with os.fdopen(descriptor, "rb") as file, pq.ParquetFile(file) as parquet:
            return int(parquet.metadata.num_rows)
    except (OSError, pa.ArrowException):
        return -1


def _extra(data: DataDir, snapshot: Snapshot) -> list[str]:
    """Whatever lies in the snapshot and is neither a named file nor a directory of one."""
    root = snapshot_path(data, snapshot.version)
    known = {file.path for file in snapshot.files} | {MANIFEST, README}
    found = []
    for directory, below, names in os.walk(root):
        for name in (*names, *below):
            relative = os.path.relpath(os.path.join(directory, name), root).replace(os.sep, "/")  # noqa: PTH118
            mode = (root / relative).lstat().st_mode
            is_parent = stat.S_ISDIR(mode) and any(path.startswith(f"{relative}/") for path in known)
            is_known = relative in known and stat.S_ISREG(mode)
            if not (is_known or is_parent):
                found.append(printable(relative))
    return sorted(found)
