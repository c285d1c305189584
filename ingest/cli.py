"""The command line: it parses, calls one function, and prints. Everything it does can be called without it."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ingest import manage
from ingest.cli_correlation import explain_command, label_command, low_confidence_command
from ingest.cli_hooks import hooks_group
from ingest.cli_output import (
    confirm,
    print_json,
    show_added,
    show_exclusion,
    show_labels,
    show_removal,
    show_status,
    show_sync,
    show_taxonomies,
    sync_document,
)
from ingest.data_repository import init_data
from ingest.errors import IngestError
from ingest.exclusion import exclude_project, include_project
from ingest.label_files import REQUIRED
from ingest.labels import import_labels
from ingest.paths import DataDir
from ingest.registry import NOTHING_REGISTERED, load_projects
from ingest.status import read_status
from ingest.summary import read_summary, show_summary
from ingest.sync import sync
from ingest.taxonomy import SEEDS, export
from ingest.taxonomy_checks import check
from ingest.terminal import number, progress_shown, show_line, show_table

GIT_LOCATION = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document for a program to read.")


class _Commands(click.Group):
    """Prints an IngestError as one sentence and exits with 1; a bug keeps its traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except IngestError as error:
            click.echo(f"Error: {error}", err=True)
            context.exit(1)
        except KeyboardInterrupt:
            click.echo("Error: interrupted; run the same command again to go on from here.", err=True)
            context.exit(130)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Archive coding-agent sessions and git histories, and land them in one DuckDB file.

    The data directory is OPE_DATA_DIR, or data/ in the program's directory.

    \b
    Example:
      python -m ingest add-project --name "My project" --repo ~/code/my-project
      python -m ingest sync && dbt build
    """
    # Logs and databases hold private work: nothing that is made here may be read by others.
    os.umask(0o077)
    # Inside a git hook these name the hook's repository, and git would read that one whatever path it is given.
    for variable in GIT_LOCATION:
        os.environ.pop(variable, None)


@main.command("add-project")
@click.option("--name", required=True, help="The project's name; its id is made from it unless --id is given.")
@click.option("--repo", "repository", type=click.Path(path_type=Path), help="Path of a clone (a bare one too).")
@click.option(
    "--sessions",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Directory with session files; may be given several times. Without it they are found by the working "
    "directories that the sessions name.",
)
@click.option(
    "--git-metadata",
    type=click.Path(path_type=Path),
    help="A git-metadata.json to import; where it is given, commits come from it and not from the repository.",
)
@click.option("--id", "project_id", help="The project's id: lower-case letters, digits and hyphens.")
@click.option("--since", metavar="YYYY-MM-DD", help="Read commits from this day on; default: all.")
@click.option("--notes", default="", help="Anything worth remembering about the project.")
@as_json_option
def add_project_command(
    name: str,
    repository: Path | None,
    sessions: tuple[Path, ...],
    git_metadata: Path | None,
    project_id: str | None,
    since: str | None,
    notes: str,
    as_json: bool,
) -> None:
    """Register a project, or update it where its id is registered already.

    What an update does not give is kept. A new project without --repo, --sessions and --git-metadata gets the git
    repository of the working directory. The history is read at once, to tell how sessions are marked in commits (the
    instrumentation tier).

    \b
    Example:
      python -m ingest add-project --name "My project" --repo ~/code/my-project
    """
    with progress_shown() as progress:
        added = manage.add_project(
            DataDir.from_environment(),
            name=name,
            repository=repository,
            sessions=sessions,
            git_metadata=git_metadata,
            project_id=project_id,
            since=since,
            notes=notes,
            progress=progress,
        )
    if as_json:
        print_json(asdict(added))
    else:
        show_added(added)


@main.command("sync")
@click.argument("projects", nargs=-1, metavar="[PROJECT]...")
@as_json_option
def sync_command(projects: tuple[str, ...], as_json: bool) -> None:
    """Archive, extract and land whatever is new, for the given project ids or all.

    Sources are only read. A project that cannot be read does not stop the others; the exit code is 1 where nothing
    at all could be done for one. Running it again is safe at any time.

    \b
    Example:
      python -m ingest sync my-project
    """
    with progress_shown() as progress:
        result = sync(DataDir.from_environment(), projects, progress)
    if as_json:
        print_json(sync_document(result))
    else:
        show_sync(result)
    if result.failed:
        sys.exit(1)


@main.command("import-labels")
@click.argument("source", metavar="FILE.csv", type=click.Path(path_type=Path))
@click.option("--project", "project_id", required=True, help="The id of the project that the labels are about.")
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


@main.command("projects")
@as_json_option
def projects_command(as_json: bool) -> None:
    """List the registered projects.

    \b
    Example:
      python -m ingest projects --json
    """
    projects = load_projects(DataDir.from_environment())
    if as_json:
        print_json([asdict(project) for project in projects])
        return
    if not projects:
        show_line(NOTHING_REGISTERED)
        return
    show_table(
        ("id", "name", "status", "tier", "session directories", "repository"),
        [
            (
                project.project_id,
                project.name,
                project.status,
                number(project.instrumentation_tier),
                number(len(project.session_directories)),
                project.git_metadata or project.repository or "–",
            )
            for project in projects
        ],
        right=("tier", "session directories"),
    )


@main.command("status")
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


@main.command("init-data")
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


@main.command("remove-project")
@click.argument("project_id", metavar="ID")
@click.option("--delete-archive", is_flag=True, help="Delete the archived sessions, commits and labels too, for good.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json_option
def remove_project_command(project_id: str, delete_archive: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take a project out of the registry and the warehouse; its archive stays.

    The marts lose it with the next `dbt build`. Added again under the same id, it goes on with its archive.

    \b
    Example:
      python -m ingest remove-project my-project --dry-run
    """
    data = DataDir.from_environment()
    removal = manage.plan_removal(data, project_id, delete_archive=delete_archive)
    if not as_json:
        show_removal(removal, "would go" if dry_run else "will go")
    if not dry_run:
        if not yes:
            confirm(removal)
        manage.remove_project(data, removal)
        if not as_json:
            show_line(f"{project_id} is removed. → dbt build", "cyan")
    if as_json:
        print_json(asdict(removal) | {"removed": not dry_run})


@main.command("exclude-project")
@click.argument("project_id", metavar="ID")
@click.option("--reason", default="", metavar="TEXT", help="Why it is left out; goes into NOTES.md of its archive.")
@click.option("--undo", is_flag=True, help="Include it again.")
@as_json_option
def exclude_project_command(project_id: str, reason: str, undo: bool, as_json: bool) -> None:
    """Leave a registered project out of sync and of the warehouse, and note why in raw/ID/NOTES.md.

    Its archive stays. Its rows leave the warehouse with the next `sync`, and the marts with the next `dbt build`.

    \b
    Example:
      python -m ingest exclude-project my-project --reason "Half of its sessions were never archived"
    """
    data = DataDir.from_environment()
    done = include_project(data, project_id) if undo else exclude_project(data, project_id, reason)
    if as_json:
        print_json(asdict(done))
    else:
        show_exclusion(done)


@main.command("summary")
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


@main.group("taxonomy", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def taxonomy_group() -> None:
    """Write the taxonomies as nested JSON, validate them, and turn edited JSON into a diff of the seeds.

    The CSV seeds below seeds/taxonomy are the one truth; docs/taxonomies.md says how to change one.

    \b
    Example:
      python -m ingest taxonomy check
    """


seeds_option = click.option(
    "--seeds",
    type=click.Path(path_type=Path),
    default=SEEDS,
    show_default="seeds/taxonomy",
    help="Directory of the seeds.",
)


@taxonomy_group.command("export")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write; default: outputs/ in the data directory.",
)
@seeds_option
@as_json_option
def taxonomy_export_command(output: Path | None, seeds: Path, as_json: bool) -> None:
    """Write action-taxonomy.json and reaction-taxonomy.json from the seeds.

    \b
    Example:
      python -m ingest taxonomy export --output docs
    """
    written = export(output or DataDir.from_environment().outputs, seeds)
    if as_json:
        print_json([str(path) for path in written])
        return
    for path in written:
        show_line(str(path))


@taxonomy_group.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--write", is_flag=True, help="Put what the files say into the seeds, if nothing is wrong.")
@seeds_option
@as_json_option
def taxonomy_check_command(files: tuple[Path, ...], write: bool, seeds: Path, as_json: bool) -> None:
    """Validate the seeds; with edited files of `export`, show the diff of the seeds that would make them so.

    The exit code is 1 where anything is wrong, and where a file says anything else than the seeds.

    \b
    Example:
      python -m ingest taxonomy check action-taxonomy.json --write
    """
    checked = check(files, seeds, write=write)
    if as_json:
        print_json(asdict(checked))
    else:
        show_taxonomies(checked)
    if checked.failed:
        sys.exit(1)


for command in (explain_command, hooks_group, label_command, low_confidence_command):
    main.add_command(command)
