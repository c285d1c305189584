"""The schedule of backups: when one is due, and which ones stay."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ingest.care import backup, backup_schedule
from ingest.care.backup import back_up
from ingest.care.backup_manifest import StoredBackup, read_backups
from ingest.care.backup_restore import verify
from ingest.care.backup_schedule import backup_if_due, is_due, to_keep
from ingest.paths import DataDir

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_waiting_for_the_disk")]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def a_backup(day: int, verified: bool | None = None, hour: int = 3) -> StoredBackup:
    """Of the day so many days after the 2nd of March 2026, a Monday."""
    moment = backup_schedule.now().replace(2026, 3, 2, hour, 0, 0) + timedelta(days=day)
    return StoredBackup(Path(f"{moment:%Y%m%dT%H%M%SZ}-ab12cd"), None, None, verified)


def days_kept(backups: list[StoredBackup]) -> list[int]:
    kept = to_keep(backups)
    first = a_backup(0).created_at.date()
    return [(backup.created_at.date() - first).days for backup in backups if backup.name in kept]


def test_seven_days_and_four_weeks_are_kept_whatever_the_clock_says() -> None:
    assert days_kept([a_backup(day) for day in range(60)]) == [41, 48, *range(53, 60)]
    # A laptop that slept: days and weeks count that have a backup.
    assert days_kept([a_backup(day) for day in range(0, 300, 30)]) == [90, 120, 150, 180, 210, 240, 270]
    assert days_kept([]) == []


def test_the_last_good_one_and_the_newest_stay_and_a_damaged_one_takes_no_place() -> None:
    backups = [a_backup(day, verified=True if day == 3 else None) for day in range(60)]
    assert days_kept(backups)[:2] == [3, 41]
    damaged = [a_backup(day, verified=False if day > 50 else None) for day in range(60)]
    assert days_kept(damaged) == [34, 41, *range(44, 51), 59]


def test_the_schedule_makes_one_a_day_and_deletes_only_its_own(
    data: DataDir, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backup_if_due(data) is None  # no directory was ever named
    first = back_up(data, target)
    assert backup_if_due(data) is None
    foreign = ["20200101T000000Z-ffffff", ".unfinished-mine", "notes"]
    for name in foreign:
        (target / name).mkdir()
    moment = backup_schedule.now()
    for day in range(1, 10):
        monkeypatch.setattr(backup_schedule, "now", lambda day=day: moment + timedelta(days=day))
        name = f"{moment + timedelta(days=day):%Y%m%dT%H%M%SZ}-ab12cd"
        monkeypatch.setattr(backup, "new_run_id", lambda name=name: name)
        done = backup_if_due(data)
        assert done is not None and done.backup.name == name
        assert backup_if_due(data) is None
        if day == 1:
            assert verify(data, first.name).is_good
    names = [path.name for path in read_backups(target) if path.manifest]
    assert first.name in names and 8 <= len(names) < 10
    assert all((target / name).is_dir() for name in foreign)
    monkeypatch.setattr(backup_schedule, "now", lambda: moment - timedelta(days=3))
    assert is_due(read_backups(target))  # the clock was set back
