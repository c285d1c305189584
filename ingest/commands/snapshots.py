"""The commands about snapshots of the marts: they parse, call one function, and print."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from ingest.cold.snapshot_check import verify_snapshot
from ingest.cold.snapshots import make_snapshot, plan_snapshot, snapshot_path
from ingest.commands.options import as_json_option, dry_run_option
from ingest.commands.output import print_json
from ingest.paths import DataDir
from ingest.terminal import many, number, progress_shown, show_line, show_table, size


@click.command("snapshot")
@click.argument("version")
@dry_run_option
@as_json_option
def snapshot_command(version: str, dry_run: bool, as_json: bool) -> None:
    """Write the published marts and seeds as Parquet to data/archived/VERSION, with a manifest of hashes.

    It is made of marts.db and noted in CHANGELOG.md of the data directory. A version that exists is never changed. The
    same marts give the same bytes.

    \b
    Example:
      python -m ingest snapshot v1.0
    """
    data = DataDir.from_environment()
    if dry_run:
        planned = plan_snapshot(data, version)
        if as_json:
            print_json({"version": version, "files": [{"path": path, "rows": rows} for path, rows in planned]})
        else:
            show_table(("file", "rows"), [(path, number(rows)) for path, rows in planned], right=("rows",))
        return
    with progress_shown() as progress:
        snapshot = make_snapshot(data, version, progress)
    if as_json:
        print_json(asdict(snapshot) | {"path": str(snapshot_path(data, version))})
        return
    show_line(
        f"{snapshot_path(data, version)} has {many(len(snapshot.files), 'table')}, {many(snapshot.rows, 'row')}, "
        f"{size(snapshot.bytes)}, as published {snapshot.published.get('published_at')} (UTC)."
    )
    if not snapshot.is_last_build:
        show_line("That is not what was built last: → python -m ingest publish, and a new version", "yellow")
    show_line(f"→ python -m ingest verify-snapshot {version}", "cyan")


@click.command("verify-snapshot")
@click.argument("version")
@as_json_option
def verify_snapshot_command(version: str, as_json: bool) -> None:
    """Compare a snapshot with its manifest and the changelog: what differs, is missing or does not belong to it.

    The exit code is 1 where anything is wrong.

    \b
    Example:
      python -m ingest verify-snapshot v1.0
    """
    with progress_shown() as progress:
        verified = verify_snapshot(DataDir.from_environment(), version, progress)
    if as_json:
        print_json(asdict(verified))
    else:
        for problem in verified.problems:
            show_line(problem, "yellow")
        state = f"{many(len(verified.problems), 'problem')}" if verified.problems else "as it was made"
        show_line(f"{version}: {many(verified.files, 'table')}, {size(verified.bytes)}, {state}")
    if verified.problems:
        sys.exit(1)
