"""The command that takes a session or a project out of everything: it parses, calls one function, and prints."""

from __future__ import annotations

from dataclasses import asdict

import click

from ingest.commands.options import as_json_option, dry_run_option, yes_option
from ingest.commands.output import print_json
from ingest.errors import IngestError
from ingest.forgetting.elsewhere import still_named
from ingest.forgetting.forget import forget, settle
from ingest.forgetting.plan import Plan, plan_forgetting
from ingest.forgetting.targets import find_target
from ingest.forgetting.tombstones import PROJECT, SESSION, take_back
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.terminal import many, number, show_heading, show_line, show_table, size, visible

SHOWN_PLACES = 10


@click.command("forget")
@click.argument("name", metavar="SESSION|PROJECT")
@click.option("--undo", is_flag=True, help="Let it come back: the next sync archives what its source still has.")
@dry_run_option
@yes_option
@as_json_option
def forget_command(name: str, undo: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take a session, or a whole project, out of the data directory for good, and keep it out.

    SESSION is an id or its beginning, and goes with its subagents; PROJECT is a project's id. Archive, cold storage,
    labels, logs, databases, snapshots and exports lose it, and no sync, merge or restored backup brings it back. It
    asks to type the id.

    \b
    Example:
      python -m ingest forget 03a1382e --dry-run
      python -m ingest forget 03a1382e
    """
    data = DataDir.from_environment()
    if undo:
        _undo(data, name, as_json=as_json)
        return
    finished = None if dry_run else settle(data)
    if finished is not None and finished.name.startswith(name):
        if as_json:
            print_json({"run_id": finished.run_id, "kind": finished.kind, "counts": finished.counts})
        else:
            _show_end()
        return
    target = find_target(data, name)
    plan = plan_forgetting(data, target)
    if not as_json:
        _show(plan, dry_run=dry_run)
    done = None
    if not dry_run:
        if not yes:
            _confirm(target.kind, target.name)
        done = asdict(forget(data, target, plan.counts))
        done["named"] = still_named(data, target.name) if target.kind == SESSION else {}
        if not as_json:
            _show_named(done["named"])
            _show_end()
    if as_json:
        document = {"target": asdict(target), "places": [asdict(place) for place in plan.places], "stays": plan.stays}
        print_json(document | {"counts": plan.counts, "done": done})


def _undo(data: DataDir, name: str, *, as_json: bool) -> None:
    with data_lock(data, "forget --undo"):
        taken = [kind for kind in (SESSION, PROJECT) if take_back(data, kind, name)]
    if not taken:
        raise IngestError("Nothing with this id was forgotten here: give the whole id, as it was.")
    if as_json:
        print_json({"taken_back": taken})
    else:
        show_line("It may come back. → python -m ingest sync", "cyan")


def _confirm(kind: str, name: str) -> None:
    typed = click.prompt(f"There is no way back. Type the {kind}'s id to forget it", err=True)
    if typed.strip() != name:
        raise IngestError("That is another id: nothing was forgotten.")


def _show(plan: Plan, *, dry_run: bool) -> None:
    target = plan.target
    what = many(target.sessions, "session") if target.project_id else "with its subagents"
    verb = "would be" if dry_run else "will be"
    show_heading(f"{target.kind} {visible(target.name)} ({what}) {verb} forgotten:")
    if not plan.places:
        show_line("Nothing of it is archived: it is only kept out.")
    else:
        show_table(
            ("where", "count", "of", "size", ""),
            [
                (visible(p.where), number(p.count), p.unit, size(p.bytes) if p.bytes else "–", p.fate)
                for p in plan.places
            ],
            right=("count", "size"),
        )
    show_heading("What this does not reach")
    for sentence in plan.stays:
        show_line(f"  {visible(sentence)}", "yellow")
    if dry_run:
        show_line("This was a dry run.", "cyan")


def _show_named(named: dict[str, int]) -> None:
    """Where the id stands still: lines or rows, by file or table."""
    if named:
        show_heading("Its id stands still in what belongs to others")
        places = list(named.items())
        for where, count in places[:SHOWN_PLACES]:
            show_line(f"  {visible(where)}: {number(count)}", "yellow")
        if len(places) > SHOWN_PLACES:
            show_line(f"  … and {many(len(places) - SHOWN_PLACES, 'place')} more: --json", "dim")


def _show_end() -> None:
    show_line("It is forgotten. → dbt build && python -m ingest publish", "cyan")
