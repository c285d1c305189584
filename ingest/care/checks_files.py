"""Checks of the files of a data directory: who can read them, the key, the databases, the disk, what was left over."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatch
from pathlib import Path

import duckdb

from ingest.care.findings import ERROR, OK, WARNING, Finding, Patient
from ingest.care.held_database import missing_bytes
from ingest.data_repository import UNFINISHED
from ingest.database import CONFIG, opened_read_only
from ingest.errors import IngestError
from ingest.files import PRIVATE_DIRECTORY, PRIVATE_FILE, LockHeldError, exclusive_lock, printable
from ingest.locks import read_holder
from ingest.paths import DataDir
from ingest.settings import setting
from ingest.terminal import many, size

OPEN_BITS = 0o077
# Made for everybody: git's own files, and what git keeps of an empty directory.
_PUBLIC = (".gitignore", ".gitkeep", ".gitattributes")
_UNFINISHED = tuple(name.rstrip("/") for name in UNFINISHED)
_KEY_TEXT = re.compile(r"[0-9a-fA-F]{64}\s*")


def check_writable(patient: Patient) -> Iterator[Finding]:
    """Can files be made here, and does the disk's clock agree with the system's?"""
    data = patient.data
    if not data.root.is_dir():
        yield Finding(
            "directory",
            ERROR,
            f"There is no data directory {printable(str(data.root))}.",
            "Set OPE_DATA_DIR to yours, or register a project: `python -m ingest add-project`.",
        )
        return
    try:
        with tempfile.TemporaryFile(dir=data.root) as file:
            file.write(b"x")
            file.flush()
            written_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, timezone.utc)
    except OSError as error:
        yield Finding(
            "directory",
            ERROR,
            f"{printable(str(data.root))} cannot be written ({error.strerror}).",
            "Give this user write access, or choose another directory with OPE_DATA_DIR.",
        )
        return
    yield Finding("directory", OK, f"{printable(str(data.root))} can be written.")
    apart = abs((datetime.now(timezone.utc) - written_at).total_seconds())
    if apart > 60 * setting("clock_minutes"):
        yield Finding(
            "clock",
            WARNING,
            f"The clock of the disk and that of this machine are {apart / 60:.0f} minutes apart.",
            "Set both by NTP: which file changed is told by its time.",
        )


def check_permissions(patient: Patient) -> Iterator[Finding]:
    """Can anybody else read logs, databases or the key? Is everything this user's own?"""
    data = patient.data
    if not data.root.is_dir():
        return
    loose, foreign = open_paths(data), _foreign(data)
    if foreign:
        yield Finding(
            "permissions",
            ERROR,
            f"{many(len(foreign), 'file')} of another user, the first {_shown(data, foreign[0])}.",
            f'Give them back: `sudo chown -R "$(id -un)" {printable(str(data.root))}`.',
        )
    if loose:
        is_reachable = bool(data.root.stat().st_mode & 0o011)
        within = [path for path in loose if path != data.root]
        fix = "Close them to others: `python -m ingest doctor --fix`."
        if within:
            sentence = f"Others may read {many(len(within), 'path')}, the first {_shown(data, within[0])}"
            closed = "" if is_reachable else "; only the closed directory above keeps them out"
            yield Finding("permissions", ERROR if is_reachable else WARNING, f"{sentence}{closed}.", fix)
        else:
            yield Finding("permissions", WARNING, "Others may list the data directory, though read nothing in it.", fix)
    if not loose and not foreign:
        yield Finding("permissions", OK, "Nobody else can read anything.")


def open_paths(data: DataDir) -> list[Path]:
    """The directory and what is in it, where group or others have any right; no links, nothing of git's."""
    found = [data.root] if data.root.stat().st_mode & OPEN_BITS else []
    for path, state in _walk(data.root):
        if state.st_mode & OPEN_BITS and not stat.S_ISLNK(state.st_mode) and path.name not in _PUBLIC:
            found.append(path)
    return found


def close_paths(data: DataDir) -> int:
    """Take every right of group and others from what is this user's own. Returns from how many paths.

    Raises IngestError where the file system refuses.
    """
    closed = 0
    for path in open_paths(data):
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(path, flags)
        except OSError:
            continue  # a pipe, or unreadable for us too
        try:
            state = os.fstat(descriptor)
            if state.st_uid != os.getuid():
                continue
            os.fchmod(descriptor, PRIVATE_DIRECTORY if stat.S_ISDIR(state.st_mode) else PRIVATE_FILE)
            closed += 1
        except OSError as error:
            raise IngestError(
                f"The permissions of {printable(str(path))} cannot be changed ({error.strerror}): this file system may "
                "know none; move the data directory to one that does."
            ) from error
        finally:
            os.close(descriptor)
    return closed


def check_key(patient: Patient) -> Iterator[Finding]:
    """Is the key of the redaction tokens there and whole?"""
    key = patient.data.redaction_key
    has_archive = any(patient.data.manifest(project.project_id).exists() for project in patient.projects)
    try:
        is_whole = bool(_KEY_TEXT.fullmatch(key.read_text(encoding="ascii")))
    except FileNotFoundError:
        if has_archive:
            yield Finding(
                "key",
                ERROR,
                "The redaction key is gone: a new one would give every secret another token and read all sources anew.",
                "Put .redaction_key back from a backup (`python -m ingest backup restore DIR`) before the next sync.",
            )
        return
    except (OSError, UnicodeDecodeError):
        is_whole = False
    if is_whole:
        yield Finding("key", OK, "The redaction key is whole.")
    else:
        yield Finding(
            "key", ERROR, "The redaction key cannot be read or is damaged.", "Put it back from a backup; mode 0600."
        )


def check_databases(patient: Patient) -> Iterator[Finding]:
    """Can both databases be opened, are they whole, and of the storage version that compresses text?"""
    data = patient.data
    for path, remedy in (
        (data.database, "Restore it from a backup, or move it away and run `python -m ingest sync && dbt build`."),
        (data.published, "Delete it: the next publication writes it again."),
    ):
        if path.exists():
            yield _database(path, remedy)
    wal = data.database.with_name(f"{data.database.name}.wal")
    if wal.exists() and wal.stat().st_size:
        yield Finding(
            "database",
            WARNING,
            f"{wal.name} holds {size(wal.stat().st_size)} that are not yet in {data.database.name}: a program writes, "
            "or was killed.",
            "Nothing is lost: `python -m ingest sync` takes it in. Never delete it by hand.",
        )


def _database(path: Path, remedy: str) -> Finding:
    try:
        with opened_read_only(path) as connection:
            row = connection.execute(
                "select tags['storage_version'] from duckdb_databases() where database_name = current_database()"
            ).fetchone()
            missing = missing_bytes(connection, path)
    except IngestError as error:
        is_busy = "is in use by" in str(error)
        return Finding("database", WARNING if is_busy else ERROR, str(error), "" if is_busy else remedy)
    except duckdb.Error as error:
        return Finding("database", ERROR, f"{path.name} cannot be read ({str(error).splitlines()[0][:150]}).", remedy)
    if missing > 0:
        return Finding("database", ERROR, f"{path.name} is cut off: {size(missing)} are missing.", remedy)
    stored = str(row[0]) if row and row[0] else "?"
    wanted = CONFIG["storage_compatibility_version"]
    if path.name == DataDir(path.parent).database.name and stored.split("+")[0] != wanted:
        return Finding(
            "database",
            WARNING,
            f"{path.name} has storage version {stored}: text is not compressed, so the file is many times as large.",
            "Move it away and run `python -m ingest sync && dbt build`, which make one of version "
            f"{wanted.removeprefix('v')}.",
        )
    return Finding("database", OK, f"{path.name} opens with DuckDB {duckdb.__version__} (storage version {stored}).")


def check_disk(patient: Patient) -> Iterator[Finding]:
    """Is there room for the next night?"""
    data = patient.data
    if not data.root.is_dir():
        return
    database = data.database.stat().st_size if data.database.exists() else 0
    free = shutil.disk_usage(data.root).free
    needed = setting("night_disk_factor") * database
    if free >= needed:
        yield Finding("disk", OK, f"{size(free)} free, a night needs up to {size(needed)}.")
        return
    yield Finding(
        "disk",
        WARNING if free > database else ERROR,
        f"{size(free)} free, and a night may need {size(needed)} ({setting('night_disk_factor')} times the database).",
        "Make room, or move the data directory to another disk and set OPE_DATA_DIR.",
    )


def check_leftovers(patient: Patient) -> Iterator[Finding]:
    """Was a command killed, and what did it leave?"""
    data = patient.data
    holder = read_holder(data)
    if holder:
        try:
            with exclusive_lock(data.runs, "this data directory") as is_locked:
                if is_locked:
                    yield Finding(
                        "lock",
                        WARNING,
                        f"{holder} was killed.",
                        "Run the same command again: it goes on from where it was.",
                    )
        except LockHeldError:
            yield Finding("lock", OK, f"{holder} is at work.")
    if not data.root.is_dir():
        return
    oldest = patient.moment - timedelta(hours=setting("leftover_hours"))
    left = [
        (path, state.st_size)
        for path, state in _walk(data.root)
        if any(fnmatch(path.name, pattern) for pattern in _UNFINISHED)
        and datetime.fromtimestamp(state.st_mtime, timezone.utc).replace(tzinfo=None) < oldest
    ]
    if left:
        yield Finding(
            "leftovers",
            WARNING,
            f"{many(len(left), 'unfinished file')} ({size(sum(count for _, count in left))}) of killed commands, the "
            f"first {_shown(data, left[0][0])}.",
            "While no command runs they can be deleted: nothing reads them.",
        )
    else:
        yield Finding("leftovers", OK, "No command left anything unfinished.")


def _foreign(data: DataDir) -> list[Path]:
    return [path for path, state in _walk(data.root) if state.st_uid != os.getuid()]


def _shown(data: DataDir, path: Path) -> str:
    return printable(str(path.relative_to(data.root)))


def _walk(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below `root` but what is git's, never through a link; what vanishes or cannot be listed is skipped."""
    pending = [root]
    while pending:
        try:
            with os.scandir(pending.pop()) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name == ".git":
                continue
            try:
                state = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield Path(entry.path), state
            if stat.S_ISDIR(state.st_mode):
                pending.append(Path(entry.path))
