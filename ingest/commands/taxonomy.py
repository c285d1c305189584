"""The commands `python -m ingest taxonomy …`: they parse, call one function, and print."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from ingest.commands.options import GROUP, as_json_option
from ingest.commands.output import (
    print_json,
    show_taxonomies,
)
from ingest.paths import DataDir
from ingest.taxonomy import SEEDS, export
from ingest.taxonomy_checks import check
from ingest.terminal import show_line


@click.group("taxonomy", context_settings=GROUP)
def taxonomy_group() -> None:
    """Write the taxonomies as nested JSON, validate them, and turn edited JSON into a diff of the seeds.

    The CSV seeds below seeds/taxonomy are the one truth; docs/taxonomies.md says how to change one.

    \b
    Example:
      python -m ingest taxonomy check
    """


seeds_option = click.option(
    "--seeds",
    type=click.Path(path_type=Path),
    default=SEEDS,
    show_default="seeds/taxonomy",
    help="Directory of the seeds.",
)


@taxonomy_group.command("export")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write; default: outputs/ in the data directory.",
)
@seeds_option
@as_json_option
def taxonomy_export_command(output: Path | None, seeds: Path, as_json: bool) -> None:
    """Write action-taxonomy.json and reaction-taxonomy.json from the seeds.

    \b
    Example:
      python -m ingest taxonomy export --output docs
    """
    written = export(output or DataDir.from_environment().outputs, seeds)
    if as_json:
        print_json([str(path) for path in written])
        return
    for path in written:
        show_line(str(path))


@taxonomy_group.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--write", is_flag=True, help="Put what the files say into the seeds, if nothing is wrong.")
@seeds_option
@as_json_option
def taxonomy_check_command(files: tuple[Path, ...], write: bool, seeds: Path, as_json: bool) -> None:
    """Validate the seeds; with edited files of `export`, show the diff of the seeds that would make them so.

    The exit code is 1 where anything is wrong, and where a file says anything else than the seeds.

    \b
    Example:
      python -m ingest taxonomy check action-taxonomy.json --write
    """
    checked = check(files, seeds, write=write)
    if as_json:
        print_json(asdict(checked))
    else:
        show_taxonomies(checked)
    if checked.failed:
        sys.exit(1)
