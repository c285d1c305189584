"""The command line: it parses, calls one function, and prints. Everything it does can be called without it."""

from __future__ import annotations

import os
from typing import Any

import click

from ingest.commands.care import backup_group, doctor_command
from ingest.commands.cold import archive_command, restore_command, retention_command
from ingest.commands.consent import consent_command
from ingest.commands.correlation import explain_command, label_command, low_confidence_command
from ingest.commands.discover import discover_command
from ingest.commands.forget import forget_command
from ingest.commands.hooks import hooks_group
from ingest.commands.merging import merge_data_command
from ingest.commands.nightly import nightly_command, publish_command
from ingest.commands.operations import history_command, quality_report_command
from ingest.commands.options import GROUP
from ingest.commands.program import NAME, program
from ingest.commands.projects import (
    add_project_command,
    exclude_project_command,
    projects_command,
    remove_project_command,
)
from ingest.commands.redact import redact_command
from ingest.commands.report import report_command
from ingest.commands.share import share_command
from ingest.commands.snapshots import snapshot_command, verify_snapshot_command
from ingest.commands.syncing import (
    import_labels_command,
    init_data_command,
    status_command,
    summary_command,
    sync_command,
)
from ingest.commands.taxonomy import taxonomy_group
from ingest.commands.versions import migrate_command
from ingest.errors import IngestError
from ingest.operations.logs import command_logged, command_started, listen, redacted
from ingest.paths import DataDir
from ingest.terminal import MODULE, as_called, be_called, be_quiet

VOLUME = ("-q", "--quiet", "-v", "--verbose")
GIT_LOCATION = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")


class _Commands(click.Group):
    """Prints an IngestError as one sentence and exits with 1; a bug keeps its traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with command_logged():
                return super().invoke(context)
        except IngestError as error:
            click.echo(f"Error: {as_called(str(error))}", err=True)
            if context.params.get("verbose"):
                _show_causes(error)
            context.exit(1)
        except click.NoSuchOption as error:
            if error.option_name in VOLUME:
                raise click.UsageError(
                    f"{error.option_name} is written before the command: {context.command_path} {error.option_name} "
                    f"{context.invoked_subcommand}",
                    error.ctx,
                ) from error
            raise
        except KeyboardInterrupt:
            click.echo("Error: interrupted; run the same command again to go on from here.", err=True)
            context.exit(130)


def _show_causes(error: BaseException) -> None:
    """What stands behind a sentence, for --verbose; redacted, as it may quote what was read."""
    data = DataDir.from_environment()
    while (cause := error.__cause__) is not None:
        click.echo(f"  caused by {type(cause).__name__}: {redacted(data, str(cause))}", err=True)
        error = cause


@click.group(cls=_Commands, context_settings=GROUP)
@click.option("-q", "--quiet", is_flag=True, help="Print only what went wrong, and what --json asks for.")
@click.option("-v", "--verbose", is_flag=True, help="Print each step as it begins and ends, and the cause of an error.")
@click.pass_context
def main(context: click.Context, quiet: bool, verbose: bool) -> None:
    """Archive coding-agent sessions and git histories, and land them in one DuckDB file.

    The data directory is OPE_DATA_DIR, or data/ in the program's directory.

    \b
    Example:
      python -m ingest discover
      python -m ingest add-project --repo ~/code/my-project
      python -m ingest sync && dbt build
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose say the opposite: give one of them.")
    be_quiet(quiet)
    be_called(program() if context.info_name == NAME else MODULE)
    listen((lambda line: click.echo(line, err=True)) if verbose else None)
    # Logs and databases hold private work: nothing that is made here may be read by others.
    os.umask(0o077)
    # Inside a git hook these name the hook's repository, and git would read that one whatever path it is given.
    for variable in GIT_LOCATION:
        os.environ.pop(variable, None)
    command_started(DataDir.from_environment(), context.invoked_subcommand)


COMMANDS = (
    *(discover_command, add_project_command, projects_command, exclude_project_command, remove_project_command),
    *(nightly_command, publish_command, history_command, quality_report_command, report_command),
    *(sync_command, import_labels_command, status_command, summary_command, init_data_command),
    *(explain_command, label_command, low_confidence_command),
    *(retention_command, archive_command, restore_command, snapshot_command, verify_snapshot_command),
    *(taxonomy_group, hooks_group),
    *(doctor_command, backup_group),
    *(redact_command, consent_command, share_command),
    *(migrate_command, merge_data_command, forget_command),
)
for command in COMMANDS:
    main.add_command(command)
