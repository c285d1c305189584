"""`backup verify` and `backup restore`: every byte of a backup is compared with its hash and written elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingest.below import opened_below
from ingest.care.backup_manifest import FILES, BackupFile, Manifest, StoredBackup, note_verification, pick, read_backups
from ingest.care.backup_target import existing_target
from ingest.care.tree import KEY, UnreadableError, copy_to
from ingest.database import opened_read_only
from ingest.database_tables import count_rows, first_catalog
from ingest.errors import IngestError
from ingest.files import disk_errors, make_private_directory, printable, safe_join
from ingest.forgetting.forget import forget_again
from ingest.forgetting.tombstones import read_lines, tombstone_path, write_lines
from ingest.paths import DataDir
from ingest.status import read_status
from ingest.terminal import many, size

Report = Callable[[int, int], None]
_KEY_TEXT = re.compile(r"[0-9a-fA-F]{64}\s*")


@dataclass
class Verification:
    """What a check of a backup found. `problems` are sentences; none: it can be restored. `remarks` are no damage."""

    name: str
    path: str
    files: int = 0
    bytes: int = 0
    projects: int = 0
    session_lines: int | None = None
    rows: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.problems


def verify(
    data: DataDir, name: str | None = None, *, scratch: Path | None = None, report: Report | None = None
) -> Verification:
    """Restore a backup (default: the newest whole one) into a scratch directory and look at it there; note the result.

    The scratch directory is made below `scratch` (default: the system's temporary directory) and deleted. Raises
    IngestError where there is no such backup, or no room for it.
    """
    began = time.monotonic()
    target = existing_target(data)
    with disk_errors(target):
        backup = pick(read_backups(target), name)
    result = Verification(backup.name, str(backup.path))
    if backup.manifest is None:
        result.problems.append(f"{backup.name} is not whole: {backup.problem}.")
        return result
    above = scratch or Path(tempfile.gettempdir())
    with disk_errors(above):
        make_private_directory(above)
        _refuse_full_disk(backup.manifest, above)
        place = Path(tempfile.mkdtemp(prefix="ope-verify-", dir=above))  # mode 0700
    try:
        result.problems = _restore_files(backup, backup.manifest, place, report)
        result.files, result.bytes = len(backup.manifest.files), backup.manifest.bytes
        _look_at(DataDir(place), backup.manifest, result)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    with suppress(IngestError):  # a backup on a disk that can only be read is checked all the same
        note_verification(backup.path, is_good=result.is_good)
    result.seconds = round(time.monotonic() - began, 3)
    return result


def restore(
    data: DataDir, target: Path, name: str | None = None, *, source: Path | None = None, report: Report | None = None
) -> Verification:
    """Write a backup (default: the newest whole one) into the new or empty directory `target`, as a data directory.

    `source` has the backups, where `data` is lost and nothing remembers them. Raises IngestError for a directory that
    is not empty. Of a damaged backup, what can be restored is.
    """
    began = time.monotonic()
    backups = source.expanduser() if source else existing_target(data)
    with disk_errors(backups):
        known = read_backups(backups)
        backup = pick(known, name)
    target = target.expanduser().absolute()
    if backup.manifest is None:
        raise IngestError(f"{backup.name} is not whole ({backup.problem}): restore an earlier one.")
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise IngestError(f"{printable(str(target))} is not an empty directory: name a new one to restore into.")
    with disk_errors(target):
        make_private_directory(target)
        _refuse_full_disk(backup.manifest, target)
    result = Verification(backup.name, str(backup.path), len(backup.manifest.files), backup.manifest.bytes)
    result.problems = _restore_files(backup, backup.manifest, target, report)
    _look_at(DataDir(target), backup.manifest, result)
    with disk_errors(backups):
        _forget_again(data, DataDir(target), known[known.index(backup) + 1 :], result)
    result.seconds = round(time.monotonic() - began, 3)
    return result


def _forget_again(data: DataDir, restored: DataDir, later: list[StoredBackup], result: Verification) -> None:
    """What was forgotten after the backup was made is forgotten in what was restored too, as far as anything says so:
    the data directory, or a later backup."""
    places = [tombstone_path(restored), tombstone_path(data)]
    places += [backup.path / FILES / places[0].name for backup in later if backup.manifest]
    known = [read_lines(path) for path in places]
    union = {line: at for lines in known for line, at in lines.items()}
    if not union:
        return
    if union != known[0]:
        write_lines(restored, union)
    if not restored.redaction_key.exists():
        result.remarks.append("Sessions were forgotten since, and only the redaction key can tell which: put it back.")
        return
    sessions, projects = forget_again(restored, known[0])
    said = [many(count, word) for count, word in ((projects, "project"), (sessions, "session")) if count]
    if said:
        result.remarks.append(f"{' and '.join(said)} forgotten since the backup was made: forgotten again.")


def _refuse_full_disk(manifest: Manifest, place: Path) -> None:
    free = shutil.disk_usage(place).free
    if free < manifest.bytes:
        raise IngestError(
            f"{printable(str(place))} has {size(free)} free and the backup needs {size(manifest.bytes)}: make room, or "
            "name a directory on another disk."
        )


def _restore_files(backup: StoredBackup, manifest: Manifest, target: Path, report: Report | None) -> list[str]:
    """Write every file of a backup below `target`; sentences on what is missing or differs. Goes on after each."""
    problems = []
    done = 0
    for file in manifest.files:
        problem = _restore_file(backup.path / FILES, file, target)
        if problem:
            problems.append(f"{printable(file.path)} {problem}")
        done += file.size
        if report:
            report(done, manifest.bytes)
    return problems


def _restore_file(files: Path, file: BackupFile, target: Path) -> str:
    """What is wrong with a file of a backup, empty where nothing is. Raises IngestError where it cannot be written."""
    place = safe_join(target, file.path)
    try:
        with opened_below(files, file.path) as descriptor:
            try:
                found = copy_to(descriptor, place)
                os.utime(place, ns=(file.mtime_ns, file.mtime_ns), follow_symlinks=False)
            except UnreadableError:
                raise
            except OSError:
                with disk_errors(place):
                    raise
    except FileNotFoundError:
        return "is missing."
    except OSError as error:
        return f"cannot be read ({error.strerror})."
    return "" if found == (file.size, file.sha256) else "is damaged: its content is not what was backed up."


def _look_at(data: DataDir, manifest: Manifest, result: Verification) -> None:
    """What was restored as a data directory: its key, its databases, its status, and a query."""
    _look_at_key(data, manifest, result)
    for name, expected in manifest.rows.items():
        found = _rows(data.root / name, result)
        if found is None:
            continue
        result.rows += sum(found.values())
        wrong = sorted(table for table in expected.keys() | found.keys() if expected.get(table) != found.get(table))
        if wrong:
            result.problems.append(
                f"{name} has other rows than were backed up in {len(wrong)} tables, the first {wrong[0]}: "
                f"{found.get(wrong[0])} instead of {expected.get(wrong[0])}."
            )
    try:
        status = read_status(data)
    except IngestError as error:
        result.problems.append(f"`status` fails on what was restored: {error}")
        return
    result.projects = len(status.projects)
    if manifest.with_databases and data.database.exists():
        if status.database_problem:
            result.problems.append(status.database_problem)
        result.session_lines = sum(project.landed.lines for project in status.projects if project.landed)
    if not manifest.with_databases:
        result.remarks.append("The databases are left out: after a restore, `sync` and `dbt build` make them again.")


def _look_at_key(data: DataDir, manifest: Manifest, result: Verification) -> None:
    if not manifest.has(KEY):
        result.remarks.append(
            "The redaction key is not in this backup: a restored data directory needs it from elsewhere."
        )
        return
    try:
        text = data.redaction_key.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        text = ""
    if not _KEY_TEXT.fullmatch(text):
        result.problems.append("The redaction key cannot be restored from this backup.")


def _rows(path: Path, result: Verification) -> dict[str, int] | None:
    try:
        with opened_read_only(path) as connection:
            return count_rows(connection, first_catalog(connection))
    except IngestError as error:
        result.problems.append(f"{path.name} cannot be opened after a restore: {error}")
    except duckdb.Error as error:
        result.problems.append(f"{path.name} cannot be read after a restore ({str(error).splitlines()[0][:200]}).")
    return None
