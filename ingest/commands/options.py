"""Options that many commands have."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.registry import load_projects

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document for a program to read.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only show what would be done.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def complete_project(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of registered projects that begin so, for the completion of a shell."""
    try:
        projects = load_projects(DataDir.from_environment())
    except IngestError:
        return []
    named = [project for project in projects if project.project_id.startswith(incomplete)]
    return [CompletionItem(project.project_id, help=project.name) for project in named]


# Of a group of commands, so that they look alike.
GROUP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
