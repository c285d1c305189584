"""The commands about how the warehouse is run: they parse, call one function, and print."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from ingest.commands.options import as_json_option
from ingest.commands.output import print_json
from ingest.operations.history import read_history_with_builds
from ingest.operations.quality import FILE, quality_report, save_report
from ingest.operations.shown import show_history, show_quality
from ingest.paths import DataDir
from ingest.status import read_warnings


@click.command("history")
@click.option("--last", default=14, show_default=True, type=click.IntRange(1), help="How many runs.")
@click.option("--nights", is_flag=True, help="Only nights.")
@as_json_option
def history_command(last: int, nights: bool, as_json: bool) -> None:
    """Show the last runs: when, how long each step took, what it found, built and published, and what is odd about it.

    Nights, syncs and dbt commands are listed, the oldest first. A night or a step that took more than twice as long as
    usual, and days without anything new, are warnings.

    \b
    Example:
      python -m ingest history --nights
    """
    data = DataDir.from_environment()
    runs = read_history_with_builds(data, last, only_nights=nights)
    warnings = read_warnings(data)
    if as_json:
        print_json({"runs": [asdict(run) for run in runs], "warnings": warnings})
    else:
        show_history(runs, warnings)


@click.command("quality-report")
@as_json_option
def quality_report_command(as_json: bool) -> None:
    """Show every quality gate of the last build with its value, threshold, state and owner, and a score from 0 to 100.

    It is saved as outputs/quality_report.json too. The exit code is 1 where a gate of severity error failed, which
    withholds publication. docs/quality-gates.md has the gates and the formula of the score.

    \b
    Example:
      python -m ingest quality-report --json
    """
    data = DataDir.from_environment()
    report = quality_report(data)
    save_report(report, data.outputs / FILE)
    if as_json:
        print_json(report.document)
    else:
        show_quality(report)
    if report.failed:
        sys.exit(1)
