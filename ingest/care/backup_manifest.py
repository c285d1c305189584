"""A backup as it stands in its directory: `<target>/<name>/manifest.json`, `files/…`, and `verified.json` once checked.

Only a directory under its final name, with a manifest whose own checksum is right, is a backup. Unfinished ones and
those that are being removed have names of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.below import opened_below
from ingest.errors import IngestError
from ingest.files import fsync_directory, is_safe_path, printable, write_atomically
from ingest.runlog import now

FORMAT = 1
MANIFEST, FILES, VERIFIED = "manifest.json", "files", "verified.json"
UNFINISHED, REMOVING = ".unfinished-", ".removing-"
NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
MANIFEST_BYTES = 1 << 30
_LEFTOVER = re.compile(f"(?:{re.escape(UNFINISHED)}|{re.escape(REMOVING)}){NAME.pattern}")


@dataclass(frozen=True)
class BackupFile:
    """One file: its path in the data directory, size in bytes, hash, and the times it had there."""

    path: str
    size: int
    sha256: str
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `rows` are counts by database and table, `left_out` paths that are no regular files."""

    name: str
    created_at: str
    source_id: str
    data_root: str
    host: str
    duckdb_version: str
    with_key: bool
    with_databases: bool
    files: tuple[BackupFile, ...]
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    def has(self, path: str) -> bool:
        return any(file.path == path for file in self.files)


@dataclass(frozen=True)
class StoredBackup:
    """A directory with the name of a backup. `manifest` is None, and `problem` says why, where it is not whole.

    `is_verified`: True or False after a check, None before the first; `verified_at` is when that was (UTC).
    """

    path: Path
    manifest: Manifest | None
    problem: str | None = None
    is_verified: bool | None = None
    verified_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def created_at(self) -> datetime:
        return datetime.strptime(self.name[:16], "%Y%m%dT%H%M%SZ")


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write it into `directory`, with a checksum of itself."""
    document = {"format": FORMAT, **asdict(manifest)}
    document["checksum"] = _checksum(document)
    # Only this form can hold a file name that is no UTF-8.
    write_atomically(directory / MANIFEST, json.dumps(document, indent=0).encode("ascii") + b"\n")


def read_backups(target: Path) -> list[StoredBackup]:
    """Everything below `target` that has the name of a backup, the oldest first; links are none. Raises OSError."""
    with os.scandir(target) as listing:
        names = [entry.name for entry in listing if NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)]
    # A name says the second only.
    return sorted(
        (_read_backup(target / name) for name in names),
        key=lambda each: (each.name[:16], each.manifest.created_at if each.manifest else "", each.name),
    )


def note_verification(backup: Path, *, is_good: bool) -> None:
    """Write into the backup whether it was found whole just now."""
    document = {"verified_at": now().isoformat(timespec="seconds"), "is_good": is_good}
    write_atomically(backup / VERIFIED, json.dumps(document).encode() + b"\n")


def remove_leftovers(target: Path) -> int:
    """Delete what a killed backup or a killed removal left below `target`. Returns how many."""
    with os.scandir(target) as listing:
        names = [entry.name for entry in listing if _LEFTOVER.fullmatch(entry.name)]
    for name in names:
        shutil.rmtree(target / name)
    return len(names)


def remove_backup(backup: Path) -> None:
    """Delete a backup; a kill on the way leaves nothing that looks like one."""
    gone = backup.with_name(f"{REMOVING}{backup.name}")
    backup.rename(gone)
    fsync_directory(backup.parent)
    shutil.rmtree(gone)


def _read_backup(path: Path) -> StoredBackup:
    try:
        manifest = _manifest(_read(path, MANIFEST), path.name)
    except FileNotFoundError:
        return StoredBackup(path, None, "its manifest is missing")
    except OSError as error:
        return StoredBackup(path, None, f"its manifest cannot be read ({error.strerror})")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return StoredBackup(path, None, f"its manifest is damaged ({printable(str(error))[:100]})")
    try:
        document = json.loads(_read(path, VERIFIED))
        verified_at = datetime.fromisoformat(document["verified_at"])
        return StoredBackup(path, manifest, None, document["is_good"] is True, verified_at)
    except (OSError, ValueError, KeyError, TypeError):
        return StoredBackup(path, manifest)


def _read(directory: Path, name: str) -> bytes:
    with opened_below(directory, name) as descriptor, os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read(MANIFEST_BYTES)


def _manifest(content: bytes, name: str) -> Manifest:
    document: dict[str, Any] = json.loads(content)
    if document["format"] != FORMAT:
        raise ValueError(f"it is of format {document['format']!r}, this program knows {FORMAT}")
    if document.pop("checksum") != _checksum(document) or document["name"] != name:
        raise ValueError("its checksum is wrong")
    del document["format"]
    files = tuple(BackupFile(**file) for file in document.pop("files"))
    for file in files:
        if not is_safe_path(file.path):
            raise ValueError("it names a path outside of the backup")
    return Manifest(**document | {"files": files, "left_out": tuple(document["left_out"])})


def _checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def pick(backups: list[StoredBackup], name: str | None) -> StoredBackup:
    """The backup of that name, or the newest whole one. Raises IngestError where there is none."""
    if name is None:
        whole = [backup for backup in backups if backup.manifest]
        if not whole:
            raise IngestError("There is no whole backup yet: make one with `python -m ingest backup`.")
        return whole[-1]
    for backup in backups:
        if backup.name == name:
            return backup
    known = ", ".join(backup.name for backup in backups[-3:]) or "none"
    raise IngestError(
        f"There is no backup {printable(name)!r} (the newest: {known}): `python -m ingest backup list` shows all."
    )
