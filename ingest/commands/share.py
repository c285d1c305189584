"""The command for shared exports: it parses, calls one function, and prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from ingest.cold.snapshots import published_database
from ingest.commands.options import as_json_option, dry_run_option
from ingest.commands.output import print_json
from ingest.database import opened_read_only
from ingest.paths import DataDir
from ingest.privacy.consent import read_consent, require_consent
from ingest.privacy.preview import PreviewTable, preview_share
from ingest.privacy.shared_columns import DROP
from ingest.privacy.sharing import plan_share, refuse_target, share
from ingest.terminal import many, number, progress_shown, show_heading, show_line, show_table, size, visible

SHOWN_CELLS = 160


@click.command("share")
@click.argument("target", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--tables", metavar="NAMES", help="Only these marts, separated by commas.")
@click.option("--project", "projects", metavar="ID", multiple=True, help="Only this project; may be repeated.")
@click.option("--preview", is_flag=True, help="Show what would leave; writes nothing and needs no consent.")
@click.option("--examples", default=2, show_default=True, type=click.IntRange(0, 50), help="Rows of each mart to show.")
@dry_run_option
@as_json_option
def share_command(
    target: Path | None,
    tables: str | None,
    projects: tuple[str, ...],
    preview: bool,
    examples: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write the published marts to DIR as Parquet for other people: no secrets, personal data as keyed tokens.

    It needs consent (`consent --enable`), sends nothing anywhere, and is searched again before it is put in place.

    \b
    Example:
      python -m ingest share --preview
      python -m ingest share ~/for-a-colleague --project my-project
    """
    data = DataDir.from_environment()
    names = tuple(name.strip() for name in (tables or "").split(",") if name.strip())
    if preview:
        with progress_shown() as progress:
            found = preview_share(data, names, projects, examples, progress)
        _print_preview(found, read_consent(data).sentence, as_json)
        return
    if target is None:
        raise click.UsageError("Name the directory to write to, or give --preview.")
    target = target.expanduser().resolve()
    if dry_run:
        _, allowed = require_consent(data, projects)
        refuse_target(target)
        with opened_read_only(published_database(data)) as connection:
            planned = plan_share(connection, names, allowed)
        if as_json:
            print_json({"path": str(target), "files": [{"path": f"{t.name}.parquet", "rows": t.rows} for t in planned]})
        else:
            show_table(("file", "rows"), [(f"{t.name}.parquet", number(t.rows)) for t in planned], right=("rows",))
        return
    with progress_shown() as progress:
        made = share(data, target, names, projects, progress)
    if as_json:
        print_json(asdict(made) | {"path": str(target), "replaced": made.replaced})
        return
    show_line(
        f"{visible(str(target))} has {many(len(made.files), 'mart')}, {many(made.rows, 'row')}, {size(made.bytes)}. "
        "It was searched again: no secret, and no personal data that a rule knows."
    )
    _show_replaced(made.replaced)
    show_line(
        "Names in running text, and what else no rule knows, are still in it: look before you hand it on.", "yellow"
    )


def _print_preview(found: list[PreviewTable], consent: str, as_json: bool) -> None:
    if as_json:
        print_json({"consent": consent, "tables": [asdict(table) for table in found]})
        return
    rows = [
        (
            table.name,
            number(table.rows),
            number(len([column for column in table.columns if column.treatment != DROP])),
            ", ".join(table.hashed) or "–",
            ", ".join(table.dropped) or "–",
            number(sum(table.replaced.values())),
        )
        for table in found
    ]
    show_table(
        ("mart", "rows", "columns", "hashed", "left out", "replaced"), rows, right=("rows", "columns", "replaced")
    )
    total: Counter[str] = Counter()
    for table in found:
        total.update(table.replaced)
    _show_replaced(dict(total.most_common()))
    for table in found:
        for row in table.examples:
            show_heading(table.name)
            for name, value in row.items():
                if value is not None:
                    show_line(f"  {name}: {visible(str(value), SHOWN_CELLS)}")
    show_line(consent)


def _show_replaced(replaced: dict[str, int]) -> None:
    if replaced:
        show_table(
            ("rule", "replaced"), [(rule, number(count)) for rule, count in replaced.items()], right=("replaced",)
        )
