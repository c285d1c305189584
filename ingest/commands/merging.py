"""The command that merges another machine's data directory: it parses, calls one function, and prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ingest.commands.options import as_json_option, dry_run_option
from ingest.commands.output import SHOWN_PROBLEMS, print_json
from ingest.errors import IngestError
from ingest.merging.merge import DataMerged, merge_data, project_counts
from ingest.paths import DataDir
from ingest.terminal import many, number, progress_shown, show_line, show_table, size, visible


@click.command("merge-data")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    *("--rename", "renames"),
    metavar="THERE=HERE",
    multiple=True,
    help="A project of DIR gets another id here, or is the same as one here; may be given several times.",
)
@dry_run_option
@as_json_option
def merge_data_command(directory: Path, renames: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Take over what another machine's data directory has and this one lacks.

    DIR is only read. Of a session that both have, the longer file is the current one and the other a version of it.
    The command can be run again at any time: it goes on after a kill, and takes what is new.

    \b
    Example:
      python -m ingest merge-data /mnt/laptop/ope-data --dry-run
    """
    renamed = {}
    for text in renames:
        there, equals, here = text.partition("=")
        if not (there and equals and here):
            raise IngestError(f"--rename {text}: write it as the id there, an equals sign, and the id here.")
        renamed[there] = here
    with progress_shown() as progress:
        merged = merge_data(DataDir.from_environment(), directory, renamed=renamed, dry_run=dry_run, progress=progress)
    if as_json:
        print_json(asdict(merged))
    else:
        _show(merged)


def _show(merged: DataMerged) -> None:
    columns = ("project", "new", "longer", "versions", "same", "files", "size", "commits", "labels", "problems")
    rows = []
    for project in merged.projects:
        counts = project_counts(project)
        name = project.project_id
        rows.append(
            (
                name if name == project.their_id else f"{name} ({project.their_id} there)",
                *(number(counts[key]) for key in ("new_sessions", "longer_sessions", "versions", "same_sessions")),
                number(counts["files"]),
                size(project.sessions.bytes),
                *(number(counts[key]) for key in ("commits", "labels", "problems")),
            )
        )
    show_table(columns, rows, right=columns[1:])
    verb = "would be added" if merged.dry_run else "were added"
    show_line(f"{many(merged.runs.lines, 'line')} of the run log {verb}")
    for project in merged.projects:
        if project.left_out:
            show_line(
                f"{project.project_id}: {many(len(project.left_out), 'session directory')} of the other machine not "
                "read by sync here; merge again to take what is new there"
            )
        if project.forgotten:
            show_line(f"{project.project_id}: {many(project.forgotten, 'session')} not taken, as forgotten here")
        for problem in project.problems[:SHOWN_PROBLEMS]:
            detail = f": {visible(problem.detail)}" if problem.detail else ""
            show_line(f"{project.project_id}: {visible(problem.path)}: {problem.reason}{detail}", "yellow")
    if not merged.dry_run:
        landing = merged.landing
        show_line(f"landed {many(landing.lines, 'line')} of {many(landing.files, 'file')}")
        show_line("→ dbt build", "cyan")
