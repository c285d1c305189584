"""`backup`: a copy of the truth, the key and the databases, in which what did not change costs no space.

A file that is as it was in the backup before is a hard link to that copy. A backup is written under a name of its own
and renamed when all of it is on the disk, so that one that was cut off is never taken for whole.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from ingest.below import opened_below
from ingest.care.backup_manifest import (
    FILES,
    UNFINISHED,
    BackupFile,
    Manifest,
    read_backups,
    remove_leftovers,
    write_manifest,
)
from ingest.care.backup_result import BackupResult, remarks
from ingest.care.backup_target import BackupSettings, choose_target, remember
from ingest.care.held_database import held_open
from ingest.care.tree import FoundFile, FoundFiles, UnreadableError, copy_to, database_files, find_files, read_hash
from ingest.errors import IngestError
from ingest.files import disk_errors, exclusive_lock, fsync_directory, make_private_directory, printable
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.runlog import new_run_id, now, step
from ingest.terminal import size

# Done and all bytes.
Report = Callable[[int, int], None]
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV, errno.ENOSYS, errno.EACCES)


def back_up(
    data: DataDir,
    target: Path | None = None,
    *,
    with_key: bool | None = None,
    with_databases: bool | None = None,
    check_linked: bool | None = None,
    dry_run: bool = False,
    report: Report | None = None,
) -> BackupResult:
    """Make a backup in `target`, which is remembered, or in the remembered one. Deletes nothing but what was cut off.

    `check_linked`: read the copies that would be linked to again, and copy anew what is damaged; by default in the
    first backup of a week. Raises IngestError where another command or program is at work, the target will not do, or
    the disk is full; no backup is there then, and all earlier ones stay as they are.
    """
    began = time.monotonic()
    if not data.registry.is_file():
        raise IngestError(
            f"There is no data in {printable(str(data.root))} yet: set OPE_DATA_DIR to your data directory."
        )
    with data_lock(data, "backup"):
        settings = choose_target(data, target, with_key=with_key, with_databases=with_databases)
        if dry_run:
            shop = _Shop.of(data, settings, Path(settings.target), check_linked)
            return _plan(shop, began)
        with step(data, run_id := new_run_id(), "backup") as counts:
            place = remember(data, settings)
            with exclusive_lock(place, "the backups"), disk_errors(place):
                remove_leftovers(place)
                shop = _Shop.of(data, settings, place, check_linked)
                result = _make(shop, run_id, report)
            result.seconds = round(time.monotonic() - began, 3)
            counts |= {
                name: value for name, value in vars(result).items() if isinstance(value, int) and name != "is_dry_run"
            }
    return result


@dataclass
class _Shop:
    """What one backup works with. `before`: the backup to link to, by path."""

    data: DataDir
    settings: BackupSettings
    target: Path
    base: Path | None
    before: dict[str, BackupFile]
    check_linked: bool
    can_link: bool = True

    @classmethod
    def of(cls, data: DataDir, settings: BackupSettings, target: Path, check_linked: bool | None) -> _Shop:
        known = [backup for backup in read_backups(target) if backup.manifest] if target.is_dir() else []
        usable = [backup for backup in known if backup.is_verified is not False]
        base = usable[-1] if usable else None
        if check_linked is None:
            check_linked = base is not None and _week(base.created_at) != _week(now())
        files = base.manifest.files if base and base.manifest else ()
        return cls(
            data,
            settings,
            target,
            base.path / FILES if base else None,
            {file.path: file for file in files},
            check_linked,
        )

    def same_before(self, file: FoundFile) -> BackupFile | None:
        """The copy of the backup before, where size and times say that the file was not touched since."""
        old = self.before.get(file.path)
        is_same = old and (old.size, old.mtime_ns, old.ctime_ns) == (file.size, file.mtime_ns, file.ctime_ns)
        return old if is_same else None


def _week(moment: datetime) -> tuple[int, int]:
    return moment.isocalendar()[:2]


def _plan(shop: _Shop, began: float) -> BackupResult:
    result = BackupResult(str(shop.target), "", is_dry_run=True)
    for file in _listed(shop).files:
        result.count(file.size, is_linked=shop.same_before(file) is not None)
    result.seconds = round(time.monotonic() - began, 3)
    return result


def _listed(shop: _Shop) -> FoundFiles:
    try:
        listed = find_files(shop.data.root, with_key=shop.settings.with_key)
    except OSError as error:
        raise _unreadable(Path(error.filename or shop.data.root), error) from error
    databases = database_files(shop.data) if shop.settings.with_databases else []
    return replace(listed, files=[*listed.files, *databases])


def _make(shop: _Shop, run_id: str, report: Report | None) -> BackupResult:
    """Write the backup beside, and rename it. Whatever fails, or is interrupted, leaves no part of it."""
    working = shop.target / f"{UNFINISHED}{run_id}"
    result = BackupResult(str(shop.target / run_id), run_id)
    try:
        with _databases_held(shop) as rows:
            listed = _listed(shop)
            _refuse_full_disk(shop, listed.files)
            make_private_directory(working / FILES)
            files = _copy_all(shop, listed.files, working / FILES, result, report)
        manifest = Manifest(
            name=run_id,
            created_at=now().isoformat(timespec="microseconds"),
            source_id=shop.settings.source_id,
            data_root=str(shop.data.root.resolve()),
            host=socket.gethostname(),
            duckdb_version=duckdb.__version__,
            with_key=shop.settings.with_key,
            with_databases=shop.settings.with_databases,
            files=tuple(files),
            rows=rows,
            left_out=tuple(listed.left_out),
        )
        _sync_directories(working)
        write_manifest(working, manifest)
        working.rename(shop.target / run_id)
        fsync_directory(shop.target)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    result.remarks = remarks(shop.data, shop.target, manifest, can_link=shop.base is None or shop.can_link)
    return result


@contextmanager
def _databases_held(shop: _Shop) -> Iterator[dict[str, dict[str, int]]]:
    """Rows by database and table, while no other program can write `ope.db`; `marts.db` is never written in place."""
    rows: dict[str, dict[str, int]] = {}
    if not shop.settings.with_databases:
        yield rows
        return
    if shop.data.published.exists():
        with held_open(shop.data.published) as counts:
            rows[shop.data.published.name] = counts
    if not shop.data.database.exists():
        yield rows
        return
    with held_open(shop.data.database) as counts:
        rows[shop.data.database.name] = counts
        yield rows


def _copy_all(
    shop: _Shop, found: list[FoundFile], target: Path, result: BackupResult, report: Report | None
) -> list[BackupFile]:
    all_bytes = sum(file.size for file in found)
    files = []
    for file in found:
        files.append(_copy(shop, file, target, result))
        if report:
            report(min(result.bytes, all_bytes), all_bytes)
    return files


def _copy(shop: _Shop, file: FoundFile, target: Path, result: BackupResult) -> BackupFile:
    place = target.joinpath(*file.path.split("/"))
    old = shop.same_before(file)
    if old and _link(shop, old, place, result):
        result.count(old.size, is_linked=True)
        return old
    with _opened_source(shop.data, file) as descriptor:
        state = os.fstat(descriptor)
        old = shop.before.get(file.path)
        # Only its times changed, as after a restore or a `chmod`? A changed file seldom has the size that it had.
        if old and old.size == state.st_size and not shop.same_before(file):
            is_same = read_hash(descriptor) == (old.size, old.sha256)
            if is_same and _link(shop, old, place, result):
                result.count(old.size, is_linked=True)
                return replace(old, mtime_ns=state.st_mtime_ns, ctime_ns=state.st_ctime_ns)
        copied, sha256 = copy_to(descriptor, place)
    result.count(copied, is_linked=False)
    return BackupFile(file.path, copied, sha256, state.st_mtime_ns, state.st_ctime_ns)


@contextmanager
def _opened_source(data: DataDir, file: FoundFile) -> Iterator[int]:
    """A file of the data directory; a failure to read it, at once or later, is an IngestError that names it."""
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(opened_below(data.root, file.path))
        except OSError as error:
            raise _unreadable(data.root / file.path, error) from error
        try:
            yield descriptor
        except UnreadableError as error:
            raise _unreadable(data.root / file.path, error) from error


def _unreadable(path: Path, error: OSError) -> IngestError:
    return IngestError(
        f"{printable(str(path))} cannot be read ({error.strerror}): check its permissions and its disk; without it a "
        "backup is not whole."
    )


def _link(shop: _Shop, old: BackupFile, place: Path, result: BackupResult) -> bool:
    """Make `place` another name of the copy that the backup before has. False where that cannot be, or must not."""
    if not shop.can_link or shop.base is None:
        return False
    try:
        with opened_below(shop.base, old.path) as descriptor:
            is_whole = os.fstat(descriptor).st_size == old.size
            if is_whole and shop.check_linked:
                is_whole = read_hash(descriptor) == (old.size, old.sha256)
        if not is_whole:
            result.repaired += 1
            return False
        make_private_directory(place.parent)
        os.link(shop.base.joinpath(*old.path.split("/")), place, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        if error.errno in _NO_LINKS:
            shop.can_link = False
        else:
            result.repaired += 1
        return False
    return True


def _refuse_full_disk(shop: _Shop, found: list[FoundFile]) -> None:
    needed = sum(file.size for file in found if not shop.same_before(file))
    free = shutil.disk_usage(shop.target).free
    if needed > free:
        raise IngestError(
            f"{printable(str(shop.target))} has {size(free)} free and the backup needs {size(needed)}: make room "
            "(`python -m ingest backup prune`) or name another directory with --to; nothing was written."
        )


def _sync_directories(working: Path) -> None:
    for directory, _, _ in os.walk(working, topdown=False):
        fsync_directory(Path(directory))
