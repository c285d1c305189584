"""Builds a warehouse again without some of its sessions: what do commits look like whose session is not in the logs?

    python -m tools.hidden_sessions DATA_DIRECTORY

Sessions fall into `PARTS` parts by their id. For each part, `target/hidden/<part>/ope.db` is the warehouse of that data
directory without the part's sessions, its evidence found anew: whoever touched a file before them is now the last.
`tools.fit_correlations` learns from these when nobody is right, `make evaluate` counts what is linked all the same.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from pathlib import Path

import duckdb

from tools.corpus_build import ROOT, run

HIDDEN = ROOT / "target" / "hidden"
PARTS = 5
AS_FAR_AS_LINKS = ("--select", "+int_correlations__links", "--exclude-resource-type", "unit_test", "test")


def part_of(session_id: str) -> int:
    """Part that a root session belongs to, from 0, always the same."""
    return hashlib.sha256(session_id.encode()).digest()[0] % PARTS


def hide(database: Path, part: int) -> int:
    """Take the lines of a part's sessions, and of their subagents, out of a warehouse; how many sessions these are."""
    with duckdb.connect(str(database)) as connection:
        found = connection.execute("select root_session_id from staging.stg_claude_code__session_roots").fetchall()
        sessions = [session for (session,) in found if part_of(session) == part]
        files = "select file_id from raw.session_files where list_contains(?, split_part(session_id, '/', 1))"
        connection.execute(f"delete from raw.session_lines where file_id in ({files})", [sessions])
        connection.execute(f"delete from raw.session_files where file_id in ({files})", [sessions])
    return len(sessions)


def warehouses() -> list[Path]:
    """The warehouses without a part, in order; ends the program where they were not built."""
    found = [HIDDEN / str(part) / "ope.db" for part in range(PARTS)]
    if not all(database.is_file() for database in found):
        sys.exit("No warehouses with hidden sessions: run `python -m tools.hidden_sessions DATA_DIRECTORY` first.")
    return found


def build(data: Path) -> None:
    """Copy the warehouse of `data` for each part, hide its sessions, and build as far as links."""
    shutil.rmtree(HIDDEN, ignore_errors=True)
    dbt = str(Path(sys.executable).with_name("dbt"))
    for part in range(PARTS):
        directory = HIDDEN / str(part)
        directory.mkdir(parents=True, mode=0o700)
        for name in ("ope.db", "projects.json"):
            shutil.copy2(data / name, directory / name)
        sessions = hide(directory / "ope.db", part)
        run(dbt, "--log-level", "error", "build", *AS_FAR_AS_LINKS, data=directory)
        print(f"part {part + 1} of {PARTS}: built without {sessions} sessions", flush=True)


def main() -> int:
    """Build the warehouses of one data directory."""
    parser = argparse.ArgumentParser(prog="hidden_sessions", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("data", type=Path, metavar="DATA_DIRECTORY", help="where ope.db and projects.json lie")
    data = parser.parse_args().data
    if not (data / "ope.db").is_file():
        parser.error(f"no warehouse in {data}: build it first")
    build(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
