"""When a backup is due, and which ones are kept: some days, some weeks, and always one that is known to be good."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ingest.care.backup import Report, back_up
from ingest.care.backup_manifest import StoredBackup, read_backups, remove_backup, remove_leftovers
from ingest.care.backup_result import BackupResult
from ingest.care.backup_target import existing_target, read_settings
from ingest.files import disk_errors, exclusive_lock
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.runlog import new_run_id, now, step
from ingest.settings import setting


@dataclass(frozen=True)
class Pruning:
    """Names of backups that are, or would be, deleted, and of those that stay."""

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DueBackup:
    """A scheduled backup that was made, and what was deleted after it."""

    backup: BackupResult
    pruning: Pruning


def backup_if_due(data: DataDir, report: Report | None = None) -> DueBackup | None:
    """What the schedule asks for: a backup where the last is older than variable `backup_due_hours`, then pruning.

    None where no directory for backups was ever named, or none is due. Raises IngestError as `back_up` does.
    """
    if read_settings(data) is None:
        return None
    target = existing_target(data)
    with disk_errors(target):
        backups = read_backups(target)
    if not is_due(backups):
        return None
    made = back_up(data, report=report)
    return DueBackup(made, prune(data))


def is_due(backups: list[StoredBackup]) -> bool:
    """No whole backup, or one that is old enough. One of the future does not count: the clock was set back."""
    moment = now()
    past = [backup for backup in backups if backup.manifest and backup.created_at <= moment]
    return not past or moment - past[-1].created_at >= timedelta(hours=setting("backup_due_hours"))


def prune(data: DataDir, *, dry_run: bool = False) -> Pruning:
    """Delete the backups that need not be kept. Raises IngestError where the directory for backups is not there."""
    target = existing_target(data)
    known = read_settings(data)
    with data_lock(data, "backup prune"), exclusive_lock(target, "the backups"), disk_errors(target):
        mine = [
            backup
            for backup in read_backups(target)
            if backup.manifest and known and backup.manifest.source_id == known.source_id
        ]
        kept = to_keep(mine)
        planned = Pruning(
            [backup.name for backup in mine if backup.name not in kept],
            [backup.name for backup in mine if backup.name in kept],
        )
        if not dry_run and planned.removed:
            with step(data, new_run_id(), "backup-prune") as counts:
                _remove(target, planned.removed)
                counts |= {"removed": len(planned.removed), "kept": len(planned.kept)}
    return planned


def to_keep(backups: list[StoredBackup]) -> set[str]:
    """Names of the whole backups to keep, of a list with the oldest first.

    The newest of each of the last days and weeks that have one (variables `backup_keep_daily`, `backup_keep_weekly`),
    whatever the clock says now; and the newest that was verified and found good. One that was found damaged keeps no
    place of a good one.
    """
    days: dict[str, str] = {}
    weeks: dict[str, str] = {}
    for backup in backups:
        if backup.is_verified is False:
            continue
        days[f"{backup.created_at:%Y-%m-%d}"] = backup.name
        weeks[f"{backup.created_at:%G-%V}"] = backup.name
    kept = {days[day] for day in sorted(days)[-setting("backup_keep_daily") :]}
    kept |= {weeks[week] for week in sorted(weeks)[-setting("backup_keep_weekly") :]}
    verified = [backup.name for backup in backups if backup.is_verified]
    newest = [backup.name for backup in backups[-1:]]
    return kept | set(verified[-1:]) | set(newest)


def _remove(target: Path, names: list[str]) -> None:
    remove_leftovers(target)
    for name in names:
        remove_backup(target / name)
