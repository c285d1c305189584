"""The commands about registered projects: they parse, call one function, and print."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ingest import manage
from ingest.commands.options import as_json_option, complete_project, dry_run_option, yes_option
from ingest.commands.output import (
    confirm,
    print_json,
    show_added,
    show_exclusion,
    show_removal,
)
from ingest.exclusion import exclude_project, include_project
from ingest.paths import DataDir
from ingest.registry import NOTHING_REGISTERED, load_projects
from ingest.terminal import number, progress_shown, show_line, show_table


@click.command("add-project")
@click.option(
    "--name", help="The project's name; its id is made from it unless --id is given. Default: the repository's."
)
@click.option(
    "--repo",
    "repository",
    metavar="PATH|URL",
    help="Path of a clone (a bare one too), or URL of a repository elsewhere. Default: that of the working directory.",
)
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
    name: str | None,
    repository: str | None,
    sessions: tuple[Path, ...],
    git_metadata: Path | None,
    project_id: str | None,
    since: str | None,
    notes: str,
    as_json: bool,
) -> None:
    """Register a project, or update it where it is registered already; inside a repository nothing has to be named.

    What an update does not give is kept. A new project without --repo, --sessions and --git-metadata gets the git
    repository of the working directory. The history is read at once, to tell how sessions are marked in commits (the
    instrumentation tier). Of a repository given by URL only the metadata is kept.

    \b
    Example:
      python -m ingest add-project --repo ~/code/my-project
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


@click.command("projects")
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
                project.git_metadata or project.repository or project.remote or "–",
            )
            for project in projects
        ],
        right=("tier", "session directories"),
    )


@click.command("remove-project")
@click.argument("project_id", metavar="ID", shell_complete=complete_project)
@click.option("--delete-archive", is_flag=True, help="Delete the archived sessions, commits and labels too, for good.")
@dry_run_option
@yes_option
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


@click.command("exclude-project")
@click.argument("project_id", metavar="ID", shell_complete=complete_project)
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
