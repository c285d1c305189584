"""Processes that have imported everything already: forked from a server that did so once, they begin at once."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.nightly.build import closed_connections

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["dbt.cli.main", "dbt.adapters.duckdb.impl", "ingest.cli", "ingest.nightly.night"])


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code, and what it wrote to standard output and standard error."""

    code: int
    output: str
    errors: str


def run_command(program: str, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Done:
    """Run `dbt …` or `python -m ingest …` (`program` is `dbt` or `ingest`) as in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="ope-command-") as scratch:
        printed = [Path(scratch, name) for name in ("output", "errors")]
        child = SERVER.Process(
            target=_command, args=(program, list(arguments), directory, dict(environment), printed, sys.path)
        )
        child.start()
        child.join()
        assert child.exitcode is not None
        return Done(child.exitcode, *(path.read_text(encoding="utf-8", errors="replace") for path in printed))


def _command(
    program: str,
    arguments: list[str],
    directory: Path,
    environment: dict[str, str],
    printed: list[Path],
    path: list[str],
) -> None:
    for descriptor, place in enumerate(printed, start=1):
        os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.path[:] = path
    sys.argv = [program, *arguments]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    if program == "dbt":
        from dbt.cli.main import cli

        # A forked process ends without what an interpreter does at its end: a closed database holds its own log.
        with closed_connections():
            cli()
    else:
        from ingest.cli import main

        main()
