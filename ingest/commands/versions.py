"""The command that brings a database of an earlier version up to date: it parses, calls one function, and prints."""

from __future__ import annotations

from dataclasses import asdict

import click

from ingest.commands.options import as_json_option, dry_run_option
from ingest.commands.output import print_json
from ingest.paths import DataDir
from ingest.terminal import show_line
from ingest.versions.migration import Migration, migrate


@click.command("migrate")
@dry_run_option
@as_json_option
def migrate_command(dry_run: bool, as_json: bool) -> None:
    """Bring a database that an earlier version of this program made up to date.

    Every sync does this by itself; a dbt command on such a database asks for it. Each step is all or nothing, and no
    row of a raw table is lost.

    \b
    Example:
      python -m ingest migrate --dry-run
    """
    done = migrate(DataDir.from_environment(), dry_run=dry_run)
    if as_json:
        print_json({**asdict(done), "database": str(done.database)})
    else:
        _show(done)


def _show(done: Migration) -> None:
    if done.version is None:
        show_line(f"{done.database} holds nothing yet: sync makes it with version {done.current_version}.")
        return
    if not done.steps:
        show_line(f"{done.database} has version {done.version}, as this program: nothing to do.")
        return
    verb = "would go" if done.dry_run else "went"
    show_line(f"{done.database} {verb} from version {done.version} to {done.current_version}:")
    for step in done.steps:
        took = "" if done.dry_run else f" ({step.seconds:.1f} s)"
        show_line(f"  {step.version}  {step.name}{took}")
    show_line("→ python -m ingest migrate" if done.dry_run else "→ dbt build", "cyan")
