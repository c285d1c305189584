"""What the commands print."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from ingest.care.data_commit import DataCommit
from ingest.errors import IngestError
from ingest.exclusion import Exclusion
from ingest.labels import ImportedLabels
from ingest.manage import Added, Removal
from ingest.registry import EXCLUDED, NOTHING_REGISTERED
from ingest.status import ProjectStatus, Status
from ingest.sync import SyncResult
from ingest.taxonomy_checks import Checked
from ingest.terminal import ago, many, number, show_heading, show_line, show_table, size

SHOWN_PROBLEMS = 10


def show_added(added: Added) -> None:
    """A project that was registered or updated: its sessions, its commits, and what comes next."""
    project = added.project
    show_heading(f"{project.name} is registered as {project.project_id}")
    for sentence in added.understood:
        show_line(sentence)
    if added.sessions:
        show_table(
            ("sessions in", "files", "from", "to", "size"),
            [
                (item.directory, number(item.files), item.first_day or "–", item.last_day or "–", size(item.bytes))
                for item in added.sessions
            ],
            right=("files", "size"),
        )
    else:
        show_line("No sessions were found: name their directory with --sessions, or wait for the first.", "yellow")
    if added.commits is not None:
        tier = project.instrumentation_tier if project.instrumentation_tier is not None else "unknown"
        show_line(f"{many(added.commits, 'commit')}, instrumentation tier {tier}")
    for sentence in added.failures:
        show_line(sentence, "yellow")
    show_line(f"→ python -m ingest sync {project.project_id}", "cyan")


def show_sync(result: SyncResult) -> None:
    """What a sync did, per project and in all."""
    rows = []
    for outcome in result.projects:
        archive, history = outcome.archive, outcome.history
        rows.append(
            (
                outcome.project_id,
                number(archive.seen) if archive else "–",
                number(archive.new) if archive else "–",
                number(archive.grown) if archive else "–",
                number(archive.rewritten) if archive else "–",
                size(archive.source_bytes_read) if archive else "–",
                number(sum(archive.redactions.values())) if archive else "–",
                number(history.commits) if history else "–",
                number(history.new_commits) if history else "–",
            )
        )
    columns = ("project", "files", "new", "grown", "rewritten", "read", "secrets", "commits", "new commits")
    show_table(columns, rows, right=columns[1:])
    landing = result.landing
    show_line(
        f"landed {many(landing.lines, 'line')} ({size(landing.bytes)}) of {many(landing.files, 'file')}, "
        f"{many(landing.commits, 'commit')}, {many(landing.labels, 'label')}; "
        f"{many(landing.malformed_lines, 'malformed line')} kept as text; "
        f"raw.parse_errors has {many(landing.parse_errors, 'row')}"
    )
    for outcome in result.projects:
        if outcome.archive and outcome.archive.woken:
            woken = many(outcome.archive.woken, "session")
            show_line(f"{outcome.project_id}: {woken} went on and came back from cold storage", "yellow")
        if outcome.new_directories:
            count = len(outcome.new_directories)
            new = "1 new session directory" if count == 1 else f"{number(count)} new session directories"
            show_line(f"{outcome.project_id}: {new} of its repository, read from now on")
        for sentence in (*outcome.failures, *outcome.gone):
            show_line(f"{outcome.project_id}: {sentence}", "yellow")


def show_data_commit(done: DataCommit) -> None:
    """What was committed to the data directory's own repository."""
    if done.sha is None:
        show_line("The archive gained nothing: no commit.")
    else:
        show_line(f"committed {done.sha[:10]} {done.subject}")
    for sentence in done.remarks:
        show_line(sentence, "yellow")


def sync_document(result: SyncResult) -> dict[str, Any]:
    """The same for a program."""
    return {
        "run_id": result.run_id,
        "failed": result.failed,
        "landing": asdict(result.landing),
        "projects": [asdict(outcome) for outcome in result.projects],
    }


def show_labels(done: ImportedLabels) -> None:
    """What an import of labels took, left out and found wrong."""
    verb = "would become" if done.dry_run else ("are now" if done.changed else "are already")
    counts = ", ".join(f"{label} {number(count)}" for label, count in done.labels.items())
    show_line(
        f"{many(sum(done.labels.values()), 'label')} of {many(done.rows, 'row')} {verb} {done.path}: "
        f"{counts} ({number(done.sure)} sure)"
    )
    if done.repeated:
        show_line(f"{many(done.repeated, 'row')} on what an earlier row is about, left out")
    if done.ignored_columns:
        show_line(f"{many(len(done.ignored_columns), 'column')} not used: {', '.join(done.ignored_columns)}")
    if done.redactions:
        show_line(f"{many(done.redactions, 'cell')} held a secret, which is replaced")
    for problem in done.problems[:SHOWN_PROBLEMS]:
        show_line(f"line {problem.line_number}: {problem.reason}: {problem.detail}", "yellow")
    if done.problems:
        show_line(f"{many(len(done.problems), 'problem')} in {done.problems[0].path}", "yellow")
    if not done.dry_run:
        show_line("→ dbt build", "cyan")


def show_status(status: Status) -> None:
    """The table of `status`, what went wrong, and what is about to be deleted."""
    if not status.projects:
        show_line(NOTHING_REGISTERED)
        return
    columns = ("project", "status", "transcripts", "archived", "landed lines", "commits", "pending", "problems")
    rest = ("waiting", "last run")
    rows = [_status_row(project) for project in status.projects]
    show_table((*columns, *rest), rows, right=(*columns[2:], rest[0]))
    for project in status.projects:
        if project.last_error:
            show_line(f"{project.project_id}: {project.last_error}", "yellow")
        if project.purge_at:
            show_line(
                f"{project.project_id}: {many(project.waiting_files, 'session file')} not archived as they are now; "
                f"the agent's clean-up may delete the first on {project.purge_at:%Y-%m-%d}: run sync now.",
                "yellow",
            )
    if status.database_problem:
        show_line(status.database_problem, "yellow")
    for warning in status.warnings:
        show_line(f"warning: {warning}", "yellow")
    built = "unknown" if status.database_problem else ago(status.built_at)
    show_line(f"last sync: {ago(status.synced_at)}; last build: {built}; marts.db: {ago(status.published_at)}")
    show_line(status.consent)


def show_taxonomies(checked: Checked) -> None:
    """The diff first, as it may be read by a program; then what is wrong, and how much was looked at."""
    if checked.diff:
        click.echo(checked.diff, nl=False)
    for problem in checked.problems:
        show_line(problem, "yellow")
    for path in checked.written:
        show_line(f"{path} is written. → dbt build", "cyan")
    show_line(
        f"{many(len(checked.problems), 'problem')} in {' and '.join(checked.taxonomies)}: "
        f"{many(checked.nodes, 'node')}, {many(checked.rules, 'rule')}"
    )


def _status_row(project: ProjectStatus) -> tuple[str, ...]:
    landed = project.landed
    return (
        project.project_id,
        project.status,
        number(project.archived_files),
        size(project.archived_bytes),
        number(landed.lines if landed else None),
        number(landed.commits if landed else None),
        size(project.pending_bytes),
        number(landed.errors if landed else None),
        number(project.waiting_files),
        f"{ago(project.last_run_at)}{' (failed)' if project.last_run_status == 'failed' else ''}",
    )


def show_removal(removal: Removal, verb: str) -> None:
    """What a removal takes and what stays."""
    show_line(f"{removal.project_id} ({removal.name}) {verb} from the registry and the warehouse:")
    show_table(("table", "rows"), [(table, number(count)) for table, count in removal.rows.items()], right=("rows",))
    archived = f"{many(removal.archived_files, 'file')}, {size(removal.archived_bytes)}"
    if removal.delete_archive:
        show_line(f"The archive {verb} too, for good: {', '.join(removal.directories)} ({archived})", "bold red")
    else:
        show_line(f"The archive stays: {', '.join(removal.directories) or 'none'} ({archived})")


def show_exclusion(done: Exclusion) -> None:
    """Whether a project is left out now, and where it says why."""
    what = "excluded" if done.status == EXCLUDED else f"included ({done.status})"
    show_line(f"{done.project_id} is {'' if done.changed else 'already '}{what}; notes: {done.notes_path}")
    if done.changed:
        show_line("→ python -m ingest sync && dbt build", "cyan")


def confirm(removal: Removal) -> None:
    """Ask, and for an archive ask for the id. Raises click.Abort or IngestError on no."""
    if not removal.delete_archive:
        click.confirm("Remove it?", abort=True, err=True)
        return
    typed = click.prompt("Type the project's id to delete its archive", err=True)
    if typed != removal.project_id:
        raise IngestError(f"{typed!r} is not {removal.project_id!r}: nothing was removed.")


def print_json(document: Any) -> None:
    """One JSON document on standard output; times as ISO 8601 in UTC."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_as_json))


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='seconds')}Z"  # `now` and all that is read from the run log is UTC
    raise TypeError(f"{type(value).__name__} has no form in JSON")
