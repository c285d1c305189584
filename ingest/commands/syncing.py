"""The commands that fill the data directory and say what is in it: they parse, call one function, and print."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from ingest.care.data_commit import commit_gain
from ingest.commands.options import as_json_option, complete_project
from ingest.commands.output import (
    print_json,
    show_data_commit,
    show_labels,
    show_status,
    show_sync,
    sync_document,
)
from ingest.data_repository import init_data
from ingest.errors import IngestError
from ingest.label_files import REQUIRED
from ingest.labels import import_labels
from ingest.paths import DataDir
from ingest.status import read_status
from ingest.summary import read_summary, show_summary
from ingest.sync import sync
from ingest.terminal import progress_shown, show_line


@click.command("sync")
@click.argument("projects", nargs=-1, metavar="[PROJECT]...", shell_complete=complete_project)
@click.option(
    "--commit",
    is_flag=True,
    help="Then commit what the archive gained to the data directory's own repository (init-data makes it).",
)
@as_json_option
def sync_command(projects: tuple[str, ...], commit: bool, as_json: bool) -> None:
    """Archive, extract and land whatever is new, for the given project ids or all.

    Sources are only read. A project that cannot be read does not stop the others; the exit code is 1 where a step
    broke off, where all that a project was read from is gone, or where the gain could not be committed. Running it
    again is safe at any time.

    \b
    Example:
      python -m ingest sync my-project
    """
    data = DataDir.from_environment()
    with progress_shown() as progress:
        result = sync(data, projects, progress)
    committed, refused = None, None
    if commit:
        try:
            committed = commit_gain(data, result.run_id)
        except IngestError as error:
            refused = str(error)
    if as_json:
        document = {"commit": committed and asdict(committed), "commit_refused": refused} if commit else {}
        print_json(sync_document(result) | document)
    else:
        show_sync(result)
        if committed:
            show_data_commit(committed)
    if refused:
        click.echo(f"Error: The sync is done, but its gain is not committed. {refused}", err=True)
    if result.failed or refused:
        sys.exit(1)


@click.command("import-labels")
@click.argument("source", metavar="FILE.csv", type=click.Path(path_type=Path))
@click.option(
    "--project",
    "project_id",
    required=True,
    shell_complete=complete_project,
    help="The id of the project that the labels are about.",
)
@click.option("--kind", required=True, type=click.Choice(list(REQUIRED)), help="What a label is about.")
@click.option("--set", "label_set", required=True, metavar="NAME", help="A name for these labels, such as train.")
@click.option("--dry-run", is_flag=True, help="Only read the file and show what would be imported.")
@as_json_option
def import_labels_command(
    source: Path, project_id: str, kind: str, label_set: str, dry_run: bool, as_json: bool
) -> None:
    """Import labels by people from a CSV, in the place of the same kind and set, and land them.

    A reaction needs the columns uuid and label, a session_commit session_id and commit_sha; further columns are in
    docs/commands.md. Rows that cannot be used are named and left out.

    \b
    Example:
      python -m ingest import-labels --project my-project --kind reaction --set train labels.csv
    """
    done = import_labels(
        DataDir.from_environment(), project_id, kind=kind, label_set=label_set, source=source, dry_run=dry_run
    )
    if as_json:
        print_json(asdict(done))
    else:
        show_labels(done)


@click.command("status")
@as_json_option
def status_command(as_json: bool) -> None:
    """Show per project what is archived, landed, pending and wrong, and how fresh it is.

    `waiting` counts source files that are new or changed since the last sync; where the agent's own clean-up will
    delete one of them, the day is shown.

    \b
    Example:
      python -m ingest status
    """
    status = read_status(DataDir.from_environment())
    if as_json:
        print_json(asdict(status))
        return
    show_status(status)


@click.command("init-data")
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@as_json_option
def init_data_command(directory: Path | None, as_json: bool) -> None:
    """Make the data directory (or DIR) a git repository of its own, with the right .gitignore.

    It commits nothing. A directory inside the program's repository (other than data/) or one that shares a remote
    with it is refused, because sessions must never be pushed there.

    \b
    Example:
      python -m ingest init-data ~/ope-data
    """
    done = init_data(directory or DataDir.from_environment().root)
    if as_json:
        print_json({"root": str(done.root), "is_new": done.is_new, "ignore_changed": done.ignore_changed})
        return
    show_line(f"{done.root} is {'now ' if done.is_new else ''}a git repository of its own; nothing is committed yet.")
    if directory and done.root != DataDir.from_environment().root:
        show_line(f'→ export OPE_DATA_DIR="{done.root}"', "cyan")


@click.command("summary")
@as_json_option
def summary_command(as_json: bool) -> None:
    """Show what was archived, landed, built and tested, a few numbers of the marts, and what to do next.

    \b
    Example:
      python -m ingest summary
    """
    summary = read_summary(DataDir.from_environment())
    if as_json:
        print_json(asdict(summary))
    else:
        show_summary(summary)
