"""The command `discover`: it parses, calls one function, and prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ingest.commands.options import as_json_option
from ingest.commands.output import print_json
from ingest.commands.program import program
from ingest.discovery.discover import ORDERS, VANISHING, Discovery, Group, discover
from ingest.discovery.places import DIRECTORY, GONE, UNKNOWN
from ingest.paths import DataDir
from ingest.progress import labelled
from ingest.terminal import many, number, progress_shown, show_line, show_table, size, visible

REMARKS = {GONE: " (gone)", DIRECTORY: " (no repository)", UNKNOWN: " (no working directory named)"}
SHOWN_PATHS = 3


@click.command("discover")
@click.argument("directories", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@click.option(
    "--sort",
    "order",
    type=click.Choice(ORDERS),
    default=VANISHING,
    help="What comes first: what the agent deletes first (default), the largest, the most sessions, the latest.",
)
@click.option("--days", type=click.IntRange(0, 3650), help="How far ahead to count what the agent deletes; default 7.")
@click.option("--all", "include_registered", is_flag=True, help="Show what is registered too.")
@as_json_option
def discover_command(
    directories: tuple[Path, ...], order: str, days: int | None, include_registered: bool, as_json: bool
) -> None:
    """Show the sessions on this machine that no project reads, by repository, and what is about to be deleted.

    It looks where the agent keeps its sessions, or below each DIR (a copy, a backup), and changes nothing. The working
    directories that the sessions name say which repository they worked in; worktrees belong to their repository.

    \b
    Example:
      python -m ingest discover
    """
    with progress_shown() as progress:
        found = discover(
            DataDir.from_environment(),
            directories,
            order=order,
            include_registered=include_registered,
            horizon_days=days,
            progress=labelled(progress, "looking at sessions"),
        )
    if as_json:
        print_json(asdict(found))
    else:
        show_discovery(found)


def show_discovery(found: Discovery) -> None:
    """The table, what is about to be deleted, what could not be read, and a line to paste for each group."""
    hidden = f"; {many(found.hidden, 'registered one')} left out (--all shows them)" if found.hidden else ""
    if not found.groups:
        where = ", ".join(map(visible, found.roots))
        show_line(f"No sessions that are not registered below {where}{hidden}.")
    else:
        columns = ("repository", "project", "sessions", "new", "subagents", "from", "to", "size")
        risk = (f"vanish in {many(found.horizon_days, 'day')}", "first on")
        show_table((*columns, *risk), [_row(group) for group in found.groups], right=(*columns[2:5], "size", risk[0]))
        show_line(f"{many(len(found.groups), 'place')}, {_total(found.groups)}{hidden}")
    _show_risk(found)
    if found.forgotten:
        show_line(f"{many(found.forgotten, 'forgotten session')} not shown")
    if found.unreadable:
        first = ", ".join(map(visible, found.unreadable[:SHOWN_PATHS]))
        show_line(f"{many(len(found.unreadable), 'path')} could not be read, such as {first}", "yellow")
    if found.links:
        show_line(f"{many(found.links, 'symbolic link')} not followed", "yellow")
    for group in found.groups:
        _show_command(group)


def _row(group: Group) -> tuple[str, ...]:
    return (
        visible(group.path) + REMARKS.get(group.kind, "") if group.path else REMARKS[UNKNOWN].strip(" ()"),
        group.project_id or "–",
        number(group.sessions),
        number(group.unregistered),
        number(group.subagents),
        group.first_day or "–",
        group.last_day or "–",
        size(group.bytes),
        number(group.vanishing),
        f"{group.vanishes_at:%Y-%m-%d}" if group.vanishes_at else "–",
    )


def _total(groups: list[Group]) -> str:
    new = sum(group.unregistered for group in groups)
    return f"{many(new, 'session')} that no project reads, {size(sum(group.bytes for group in groups))}"


def _show_risk(found: Discovery) -> None:
    at_risk = [group for group in found.groups if group.vanishes_at]
    if not at_risk:
        return
    count = sum(group.vanishing for group in at_risk)
    first = min(group.vanishes_at for group in at_risk if group.vanishes_at)
    show_line(
        f"The agent deletes sessions {many(found.cleanup_days, 'day')} after their last change: "
        f"{many(count, 'session')} in the next {many(found.horizon_days, 'day')}, the first may go on "
        f"{first:%Y-%m-%d}. What is archived stays.",
        "yellow" if count else "",
    )


def _show_command(group: Group) -> None:
    if group.command is None:
        return
    for other in group.shared_with[:SHOWN_PATHS]:
        show_line(
            f"{visible(group.path)} shares a session directory with {visible(other)}: the one that is registered first "
            "gets it.",
            "yellow",
        )
    line = f"{program()} {group.command}"
    if visible(line) == line:
        show_line(f"→ {line}", "cyan")
    else:
        show_line(f"{visible(group.path)}: its path cannot be pasted; type it after `add-project --repo`.", "yellow")
