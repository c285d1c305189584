"""The commands of the night and of publication: they parse, call one function, and print."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from ingest.commands.options import as_json_option
from ingest.commands.output import print_json
from ingest.nightly.night import WITHHELD, run_night
from ingest.nightly.report import show_night
from ingest.paths import DataDir
from ingest.publishing.gates import WithheldError
from ingest.publishing.publish import publish
from ingest.terminal import many, progress_shown, show_line, size


@click.command("nightly")
@click.option(
    "--commit",
    is_flag=True,
    help="Then commit what the archive gained to the data directory's own repository (init-data makes it).",
)
@as_json_option
def nightly_command(commit: bool, as_json: bool) -> None:
    """Sync all projects, build the warehouse, publish marts.db and clean up: what a timer runs every night.

    A run that was killed is simply run again. The exit code is 0 when all is well, 1 when something failed, and 2 when
    a quality gate kept marts.db as it was. docs/nightly.md has recipes for cron, systemd and launchd.

    \b
    Example:
      python -m ingest nightly --json
    """
    data = DataDir.from_environment()
    with progress_shown() as progress:
        # A timer mails what is printed: there only what went wrong is.
        night = run_night(data, progress if sys.stderr.isatty() else None, commit=commit)
    if as_json:
        print_json(night.document | {"outputs": str(night.outputs)})
        for title, sentences in (("failed", night.failures), ("withheld", night.withheld)):
            for sentence in sentences:
                click.echo(f"{title}: {sentence}", err=True)
    else:
        show_night(night)
    sys.exit(night.exit_code)


@click.command("publish")
@as_json_option
def publish_command(as_json: bool) -> None:
    """Write marts.db anew from the last `dbt build`, if every quality gate of severity error passed.

    It is written beside and swapped in: who has the old file open keeps reading it. The exit code is 2 where a gate, or
    a build that is not complete, speaks against it.

    \b
    Example:
      dbt build && python -m ingest publish
    """
    try:
        done = publish(DataDir.from_environment())
    except WithheldError as error:
        if as_json:
            print_json({"published": False, "reasons": [reason.sentence for reason in error.reasons]})
        else:
            click.echo(f"Withheld: {error}", err=True)
        sys.exit(WITHHELD)
    if as_json:
        print_json({"published": True} | asdict(done))
        return
    show_line(
        f"{done.path}: {many(done.tables, 'table')}, {many(done.rows, 'row')}, {size(done.bytes)} "
        f"in {done.seconds:.1f} s (publish_state says which run)"
    )
