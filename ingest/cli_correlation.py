"""The commands about links between sessions and commits: they parse, call one function, and print."""

from __future__ import annotations

from dataclasses import asdict

import click

from ingest.cli_output import print_json
from ingest.explain import BEST, CommitExplained, explain
from ingest.explain_output import show_commit, show_session
from ingest.paths import DataDir


@click.command("explain")
@click.argument("target", metavar="COMMIT|SESSION")
@click.option("--project", "project_id", metavar="ID", help="Look in this project only.")
@click.option("--best", metavar="N", type=click.IntRange(min=1), default=BEST, show_default=True, help="Show so many.")
@click.option("--all", "show_all", is_flag=True, help="Show everything: all candidates, all evidence, all files.")
@click.option("--lines", "with_lines", is_flag=True, help="Show the log lines that the evidence comes from, cut.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document for a program to read.")
def explain_command(
    target: str, project_id: str | None, best: int, show_all: bool, with_lines: bool, as_json: bool
) -> None:
    """Show which session wrote a commit, or which commits a session wrote, and why.

    COMMIT is a hash or its first four digits or more, SESSION an id or its beginning. Each candidate comes with its
    confidence, the evidence for it, what speaks against it, and the archived log lines that it comes from.

    \b
    Example:
      python -m ingest explain 1a2b3c4d
      python -m ingest explain 1a2b3c4d --all --lines
    """
    found = explain(
        DataDir.from_environment(),
        target,
        project_id=project_id,
        best=None if show_all else best,
        with_lines=with_lines,
    )
    if as_json:
        kind = "commit" if isinstance(found, CommitExplained) else "session"
        print_json({"kind": kind} | asdict(found))
    elif isinstance(found, CommitExplained):
        show_commit(found, whole=show_all)
    else:
        show_session(found, whole=show_all)
