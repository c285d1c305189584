"""The commands `doctor` and `backup …`: they parse, call one function, and print."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from ingest.care.backup import back_up
from ingest.care.backup_manifest import read_backups
from ingest.care.backup_restore import restore, verify
from ingest.care.backup_schedule import backup_if_due, prune
from ingest.care.backup_target import existing_target
from ingest.care.doctor import examine, fix_permissions
from ingest.commands.care_output import (
    backup_document,
    backup_row,
    show_backup,
    show_diagnosis,
    show_pruning,
    show_verification,
)
from ingest.commands.options import GROUP, as_json_option, dry_run_option, yes_option
from ingest.commands.output import print_json
from ingest.files import printable
from ingest.paths import DataDir
from ingest.terminal import many, number, progress_shown, show_line, show_table

name_argument = click.argument("name", required=False, metavar="[NAME]")


@click.command("doctor")
@click.option(
    "--fix", is_flag=True, help="First close the data directory to others: modes 0600 and 0700. Nothing else."
)
@as_json_option
def doctor_command(fix: bool, as_json: bool) -> None:
    """Look at everything that a night depends on, and say what is wrong and what to do about it.

    The exit code is 1 where something must be mended; warnings alone leave it at 0.

    \b
    Example:
      python -m ingest doctor
    """
    data = DataDir.from_environment()
    closed = fix_permissions(data) if fix else None
    found = examine(data)
    if as_json:
        document = asdict(found) | {"errors": found.count("error"), "warnings": found.warnings, "closed": closed}
        print_json(document)
    else:
        show_diagnosis(found, closed)
    if found.must_be_mended:
        sys.exit(1)


@click.group("backup", context_settings=GROUP, invoke_without_command=True)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A directory of its own outside of the data directory, best on another disk. It is remembered.",
)
@click.option("--if-due", is_flag=True, help="Only where the schedule asks for one; then delete what need not be kept.")
@click.option("--key/--no-key", "with_key", default=None, help="Whether the redaction key goes with it; remembered.")
@click.option(
    "--databases/--no-databases",
    "with_databases",
    default=None,
    help="Whether the databases, which can be made again, go with it; remembered.",
)
@click.option("--check", "check_linked", is_flag=True, default=None, help="Read again what earlier backups hold.")
@dry_run_option
@as_json_option
@click.pass_context
def backup_group(
    context: click.Context,
    target: Path | None,
    if_due: bool,
    with_key: bool | None,
    with_databases: bool | None,
    check_linked: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Copy the archive, labels, key and databases; what did not change since the last backup costs no space.

    docs/backup.md says what a backup holds, where it should be and how to come back from one.

    \b
    Example:
      python -m ingest backup --to /mnt/usb/ope-backups
    """
    if context.invoked_subcommand:
        return
    data = DataDir.from_environment()
    if if_due and (target or dry_run or with_key is not None or with_databases is not None):
        raise click.UsageError("--if-due goes by what is remembered: give it alone.")
    with progress_shown() as progress:
        if if_due:
            due = backup_if_due(data, lambda done, all_of_it: progress("backup", done, all_of_it))
            done, pruning = (due.backup, due.pruning) if due else (None, None)
        else:
            pruning = None
            done = back_up(
                data,
                target,
                with_key=with_key,
                with_databases=with_databases,
                check_linked=check_linked or None,
                dry_run=dry_run,
                report=lambda done, all_of_it: progress("backup", done, all_of_it),
            )
    if as_json:
        print_json({"backup": done and asdict(done), "pruning": pruning and asdict(pruning)})
        return
    if done is None:
        show_line("No backup is due.")
        return
    show_backup(done)
    if pruning and pruning.removed:
        show_line(f"{many(len(pruning.removed), 'older backup')} deleted, {number(len(pruning.kept))} kept.")


@backup_group.command("list")
@as_json_option
def backup_list_command(as_json: bool) -> None:
    """Show the backups, what each holds, and whether it was checked.

    \b
    Example:
      python -m ingest backup list
    """
    target = existing_target(DataDir.from_environment())
    backups = read_backups(target)
    if as_json:
        print_json({"target": printable(str(target)), "backups": [backup_document(backup) for backup in backups]})
        return
    show_line(printable(str(target)))
    show_table(
        ("name", "files", "size", "key", "databases", "checked"),
        [backup_row(backup) for backup in backups],
        right=("files", "size"),
    )


@backup_group.command("verify")
@name_argument
@click.option(
    "--scratch",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to restore for the check; default: the system's temporary directory.",
)
@as_json_option
def backup_verify_command(name: str | None, scratch: Path | None, as_json: bool) -> None:
    """Restore a backup (default: the newest) into a scratch directory, and look at every byte and row of it there.

    The exit code is 1 where it is damaged. The result is noted in the backup.

    \b
    Example:
      python -m ingest backup verify
    """
    with progress_shown() as progress:
        found = verify(
            DataDir.from_environment(),
            name,
            scratch=scratch,
            report=lambda done, all_of_it: progress("verify", done, all_of_it),
        )
    show_verification(found, "is whole", as_json)


@backup_group.command("restore")
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@name_argument
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="TARGET",
    help="The directory with the backups, where the data directory that knew it is lost.",
)
@as_json_option
def backup_restore_command(directory: Path, name: str | None, source: Path | None, as_json: bool) -> None:
    """Write a backup (default: the newest) into the new or empty directory DIR, which is a data directory then.

    \b
    Example:
      python -m ingest backup restore ~/ope-data --from /mnt/usb/ope-backups
    """
    with progress_shown() as progress:
        found = restore(
            DataDir.from_environment(),
            directory,
            name,
            source=source,
            report=lambda done, all_of_it: progress("restore", done, all_of_it),
        )
    show_verification(found, f"is restored into {printable(str(directory))}", as_json)


@backup_group.command("prune")
@dry_run_option
@yes_option
@as_json_option
def backup_prune_command(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete the backups that need not be kept, after asking; never the newest, and never the last that was checked.

    \b
    Example:
      python -m ingest backup prune --dry-run
    """
    data = DataDir.from_environment()
    planned = prune(data, dry_run=True)
    if planned.removed and not dry_run:
        if not yes:
            show_pruning(planned, "would be")
            click.confirm("Delete them?", abort=True, err=True)
        planned = prune(data)
    if as_json:
        print_json(asdict(planned) | {"dry_run": dry_run})
    else:
        show_pruning(planned, "would be" if dry_run else "are")
