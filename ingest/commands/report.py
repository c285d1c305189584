"""The command that writes the report: it parses, calls one function, and prints."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from pathlib import Path

import click

from ingest.commands.options import as_json_option
from ingest.commands.output import print_json
from ingest.paths import DataDir
from ingest.report import Scope, write_report
from ingest.terminal import show_line, size


@click.command("report")
@click.option(
    "--project", "projects", metavar="ID", multiple=True, help="Only this project; may be given several times."
)
@click.option("--since", metavar="YYYY-MM-DD", help="From this local day on; default: all.")
@click.option("--until", metavar="YYYY-MM-DD", help="Up to this local day, inclusive; default: all.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=True, path_type=Path),
    help="Where to write it; default: outputs/report.html of the data directory.",
)
@click.option("--open", "is_opened", is_flag=True, help="Then show it in the browser.")
@as_json_option
def report_command(
    projects: tuple[str, ...], since: str | None, until: str | None, out: Path | None, is_opened: bool, as_json: bool
) -> None:
    """Write one HTML page about the work: activity, cost, tools, sessions, commits, reactions, rework, data quality.

    It is read from marts.db, or from ope.db where nothing is published yet, holds no script and asks nothing of any
    network. Only you can read it: it holds titles of sessions, subjects of commits and words of people.

    \b
    Example:
      python -m ingest report --open
      python -m ingest report --project my-project --since 2026-01-01 --out january.html
    """
    written = write_report(DataDir.from_environment(), Scope.parse(projects, since, until), out)
    if as_json:
        print_json(asdict(written))
    else:
        show_line(f"{written.path}: {size(written.bytes)}, from {written.source}")
        if written.is_behind:
            show_line("ope.db was built after marts.db: `python -m ingest publish` brings it up to date.", "yellow")
    if is_opened:
        webbrowser.open(Path(written.path).resolve().as_uri())
