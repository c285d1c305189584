"""The commands that move sessions to cold storage and back: they parse, call one function, and print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from ingest.cold.archiving import Moved, archive_sessions, partitions
from ingest.cold.journal import settle
from ingest.cold.restoring import ColdSession, cold_sessions, named_cold, restore_sessions
from ingest.cold.retention import Rule, rules, select_old
from ingest.cold.selection import Selection, select_named
from ingest.commands.options import as_json_option, dry_run_option, yes_option
from ingest.commands.output import print_json
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.registry import NEVER, NOTHING_REGISTERED, Project, get_project, load_projects, set_retention
from ingest.terminal import many, number, progress_shown, show_line, show_table, size

SHOWN_KEPT = 10
DEFAULT = "default"

project_option = click.option("--project", "project_id", metavar="ID", help="Only sessions in this project's archive.")


def _days(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value in (NEVER, DEFAULT):
        return value
    if not value.isdigit() or not 0 < int(value) <= 100_000:
        raise click.BadParameter(f"give a number of days, `{NEVER}` or `{DEFAULT}`.")
    return int(value)


@click.command("retention")
@project_option
@click.option("--days", type=click.IntRange(1, 100_000), help="Days for this once, in the place of the rules.")
@click.option(
    "--keep",
    callback=_days,
    metavar="DAYS",
    help="Only note how long sessions of --project stay: a number of days, `never` to move them, or `default`.",
)
@click.option("--apply", "is_applied", is_flag=True, help="Move them; without it they are only shown.")
@yes_option
@as_json_option
def retention_command(
    project_id: str | None, days: int | None, keep: int | str | None, is_applied: bool, yes: bool, as_json: bool
) -> None:
    """Show the sessions that are older than the retention of their project, and with --apply move them to cold storage.

    A session is as old as its last record. The rule is `retention_days` of dbt_project.yml, or what --keep noted for a
    project. The marts lose the sessions with the next `sync` and `dbt build`; `restore` brings them back.

    \b
    Example:
      python -m ingest retention
      python -m ingest retention --apply
    """
    data = DataDir.from_environment()
    if is_applied:
        settle(data)
    projects = _projects(data, project_id)
    if keep is not None:
        if project_id is None:
            raise IngestError("--keep is about one project: name it with --project.")
        set_retention(data, project_id, None if keep == DEFAULT else keep)
        projects = _projects(data, project_id)
    by = rules(projects, days)
    if keep is not None:
        selection, is_applied = Selection(), False
    else:
        selection = select_old(data, projects, by)
    if not as_json:
        _show_rules(by)
    moved = None
    if keep is None:
        moved = _archive(data, selection, is_dry=not is_applied, yes=yes, as_json=as_json, step_name="retention")
    if as_json:
        print_json(_document(selection, moved) | {"rules": [asdict(rule) for rule in by]})
    elif keep is None and not is_applied and selection.chosen:
        show_line("This was a dry run. → python -m ingest retention --apply", "cyan")


@click.command("archive")
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@project_option
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Only sessions whose last record is of an earlier day (UTC).",
)
@dry_run_option
@yes_option
@as_json_option
def archive_command(
    sessions: tuple[str, ...], project_id: str | None, before: datetime | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Move the named sessions, or those of a project or before a day, to cold storage below data/archived.

    A session goes with its subagents, and with the sessions that it shares records with only where they are named too.
    What is copied is read back and compared before anything is deleted.

    \b
    Example:
      python -m ingest archive --project my-project --before 2026-01-01 --dry-run
    """
    if not (sessions or project_id or before):
        raise IngestError("Nothing is named: give session ids, --project or --before.")
    data = DataDir.from_environment()
    if not dry_run:
        settle(data)
    selection = select_named(data, _projects(data, project_id), sessions, before)
    moved = _archive(data, selection, is_dry=dry_run, yes=yes, as_json=as_json, step_name="cold")
    if as_json:
        print_json(_document(selection, moved))


@click.command("restore")
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@project_option
@click.option("--all", "is_all", is_flag=True, help="Everything that lies in cold storage.")
@dry_run_option
@yes_option
@as_json_option
def restore_command(
    sessions: tuple[str, ...], project_id: str | None, is_all: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Bring sessions back from cold storage, byte for byte, with those that they share records with.

    With --all --dry-run it shows what lies there. The marts have them again with the next `sync` and `dbt build`.

    \b
    Example:
      python -m ingest restore --project my-project
    """
    if not (sessions or project_id or is_all):
        raise IngestError("Nothing is named: give session ids, --project or --all.")
    data = DataDir.from_environment()
    if not dry_run:
        settle(data)
    chosen, unknown = named_cold(cold_sessions(data), sessions, project_id)
    if not as_json:
        _show_cold(chosen, unknown)
    restored = None
    if chosen and not dry_run:
        if not yes:
            click.confirm("Bring them back?", abort=True, err=True)
        with progress_shown() as progress:
            restored = restore_sessions(data, chosen, progress)
    if as_json:
        listed = [{"project_id": one.project_id, "month": one.part.month, **asdict(one.session)} for one in chosen]
        print_json({"sessions": listed, "unknown": unknown, "restored": asdict(restored) if restored else None})
    elif restored:
        show_line(f"{many(restored.sessions, 'session')} ({size(restored.bytes)}) are back in the archive.")
        show_line("→ python -m ingest sync && dbt build", "cyan")


def _projects(data: DataDir, project_id: str | None) -> list[Project]:
    projects = [get_project(data, project_id)] if project_id else load_projects(data)
    if not projects:
        raise IngestError(NOTHING_REGISTERED)
    return projects


def _archive(
    data: DataDir, selection: Selection, *, is_dry: bool, yes: bool, as_json: bool, step_name: str
) -> Moved | None:
    """Show what goes and what stays, ask, and move; None where nothing was moved."""
    if not as_json:
        _show_selection(selection)
    if is_dry or not selection.chosen:
        return None
    if not yes:
        click.confirm("Move them?", abort=True, err=True)
    with progress_shown() as progress:
        moved = archive_sessions(data, selection.chosen, progress, step_name=step_name)
    if not as_json:
        parquet = moved.lines_parquet_bytes + moved.marts_parquet_bytes
        show_line(
            f"{many(moved.sessions, 'session')} with {many(moved.lines, 'line')} are in cold storage: "
            f"{size(moved.bytes)} became {size(parquet)} ({size(moved.lines_parquet_bytes)} of lines, "
            f"{size(moved.marts_parquet_bytes)} of {many(moved.mart_rows, 'row')} of the marts)."
        )
        show_line("→ python -m ingest sync && dbt build", "cyan")
    return moved


def _document(selection: Selection, moved: Moved | None) -> dict[str, Any]:
    chosen = [
        {
            "project_id": session.project_id,
            "root_session_id": session.root_session_id,
            "family": session.family,
            "ended_at": session.ended_at,
            "files": len(session.entries),
            "lines": session.lines,
            "bytes": session.bytes,
        }
        for session in selection.chosen
    ]
    return {
        "sessions": chosen,
        "kept": [asdict(kept) for kept in selection.kept],
        "unknown": selection.unknown,
        "moved": asdict(moved) if moved else None,
    }


def _show_rules(by: Sequence[Rule]) -> None:
    for rule in by:
        if rule.before is None:
            show_line(f"{rule.project_id}: sessions stay for ever")
        else:
            show_line(f"{rule.project_id}: sessions stay {many(rule.days or 0, 'day')}, until {rule.before:%Y-%m-%d}")


def _show_selection(selection: Selection) -> None:
    if selection.chosen:
        columns = ("project", "month", "sessions", "files", "lines", "size")
        rows = [
            (
                project_id,
                month,
                number(len(group)),
                number(sum(len(session.entries) for session in group)),
                number(sum(session.lines for session in group)),
                size(sum(session.bytes for session in group)),
            )
            for (project_id, month), group in partitions(selection.chosen).items()
        ]
        show_table(columns, rows, right=columns[2:])
    else:
        show_line("No session is to be moved.")
    for session_id in selection.unknown:
        show_line(f"{session_id}: no archive has this session (or it is in cold storage already)", "yellow")
    for kept in selection.kept[:SHOWN_KEPT]:
        show_line(f"{kept.project_id}: {kept.root_session_id} stays: {kept.reason}", "yellow")
    if len(selection.kept) > SHOWN_KEPT:
        show_line(f"… and {many(len(selection.kept) - SHOWN_KEPT, 'session')} more stay (--json names all)", "yellow")


def _show_cold(chosen: Sequence[ColdSession], unknown: Sequence[str]) -> None:
    if chosen:
        columns = ("project", "month", "session", "ended", "files", "lines", "size")
        rows = [
            (
                one.project_id,
                one.part.month,
                one.session.root_session_id,
                (one.session.ended_at or "–")[:10],
                number(one.session.files),
                number(one.session.lines),
                size(one.session.bytes),
            )
            for one in chosen
        ]
        show_table(columns, rows, right=columns[4:])
    else:
        show_line("Nothing of this lies in cold storage.")
    for session_id in unknown:
        show_line(f"{session_id}: not in cold storage", "yellow")
