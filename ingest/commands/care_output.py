"""What `doctor` and `backup …` print."""

from __future__ import annotations

import sys
from dataclasses import asdict

from ingest.care.backup_manifest import StoredBackup
from ingest.care.backup_restore import Verification
from ingest.care.backup_result import BackupResult
from ingest.care.backup_schedule import Pruning
from ingest.care.doctor import Diagnosis
from ingest.care.findings import OK
from ingest.commands.output import print_json
from ingest.files import printable
from ingest.terminal import many, number, show_line, size

STYLES = {"error": "bold red", "warning": "yellow"}


def show_diagnosis(found: Diagnosis, closed: int | None) -> None:
    if closed is not None:
        show_line(f"{many(closed, 'path')} closed to others.")
    width = max(len(finding.check) for finding in found.findings)
    for finding in found.findings:
        show_line(f"{finding.level:<7}  {finding.check:<{width}}  {finding.sentence}", STYLES.get(finding.level, ""))
        if finding.remedy:
            show_line(f"{'':<{width + 11}}→ {finding.remedy}", "cyan" if finding.level != OK else "")
    show_line(
        f"{many(found.count('error'), 'error')}, {many(found.warnings, 'warning')}, {number(found.count(OK))} fine."
    )


def show_backup(done: BackupResult) -> None:
    verb = "would be" if done.is_dry_run else "is"
    where = done.path if not done.is_dry_run else f"a backup in {done.path}"
    show_line(
        f"{printable(where)} {verb} made: {many(done.files, 'file')}, {size(done.bytes)}; "
        f"{number(done.copied_files)} copied ({size(done.copied_bytes)}), "
        f"{number(done.linked_files)} unchanged ({size(done.linked_bytes)}); {done.seconds:.1f} s"
    )
    if done.repaired:
        show_line(f"{many(done.repaired, 'file')} damaged in the backup before, copied anew.", "yellow")
    for remark in done.remarks:
        show_line(remark, "yellow")
    if not done.is_dry_run:
        show_line("→ python -m ingest backup verify", "cyan")


def show_verification(found: Verification, what: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found) | {"is_good": found.is_good})
    else:
        for sentence in found.problems:
            show_line(sentence, "bold red")
        for sentence in found.remarks:
            show_line(sentence, "yellow")
        if found.is_good:
            lines = "" if found.session_lines is None else f", {many(found.session_lines, 'session line')}"
            show_line(
                f"{found.name} {what}: {many(found.files, 'file')}, {size(found.bytes)}, "
                f"{many(found.projects, 'project')}{lines}, {many(found.rows, 'row')} in the databases; "
                f"{found.seconds:.1f} s"
            )
        else:
            show_line(f"{found.name} is damaged: {many(len(found.problems), 'problem')}.", "bold red")
    if not found.is_good:
        sys.exit(1)


def show_pruning(planned: Pruning, verb: str) -> None:
    if not planned.removed:
        show_line(f"Nothing to delete: {many(len(planned.kept), 'backup')} to keep.")
        return
    show_line(f"{', '.join(planned.removed)} {verb} deleted; {many(len(planned.kept), 'backup')} kept.")


def backup_row(backup: StoredBackup) -> tuple[str, ...]:
    if backup.manifest is None:
        return (backup.name, "–", "–", "–", "–", backup.problem or "")
    checked = "not yet" if backup.is_verified is None else ("good" if backup.is_verified else "damaged")
    when = f" ({backup.verified_at:%Y-%m-%d})" if backup.verified_at else ""
    return (
        backup.name,
        number(len(backup.manifest.files)),
        size(backup.manifest.bytes),
        "yes" if backup.manifest.with_key else "no",
        "yes" if backup.manifest.with_databases else "no",
        checked + when,
    )


def backup_document(backup: StoredBackup) -> dict[str, object]:
    manifest = backup.manifest
    return {
        "name": backup.name,
        "is_whole": manifest is not None,
        "problem": backup.problem,
        "is_verified": backup.is_verified,
        "verified_at": backup.verified_at,
        "files": len(manifest.files) if manifest else None,
        "bytes": manifest.bytes if manifest else None,
        "with_key": manifest.with_key if manifest else None,
        "with_databases": manifest.with_databases if manifest else None,
    }
