"""People read `marts.db` all the time while ten nights go by: does one of them ever wait, fail, or see half a state?

As a program, `python -m tests.bench.readers MARTS SECONDS QUESTION` is one such reader until its standard input ends.
It opens the file anew for every query, or, with SECONDS above 0, keeps it open for so long. It prints JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from ingest.paths import PRODUCT_ROOT

QUERIES_PER_SECOND = 8


@dataclass
class Seen:
    """What a reader saw: queries, errors (the first ten), files whose rows do not agree with their `publish_state`,
    runs that published; the slowest query and the longest pause between two answers, in seconds."""

    queries: int = 0
    errors: list[str] = field(default_factory=list)
    half_states: int = 0
    runs: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0
    longest_pause_seconds: float = 0.0
    seconds: float = 0.0


def read_until(stop: threading.Event, marts: Path, kept_seconds: float, question: str) -> Seen:
    """Ask `question` until `stop` is set, and each time whether all of the file is of one state."""
    seen = Seen()
    connection: duckdb.DuckDBPyConnection | None = None
    opened_at = answered_at = began_at = time.perf_counter()
    while not stop.is_set():
        asked_at = time.perf_counter()
        try:
            if connection is None:
                connection, opened_at = duckdb.connect(str(marts), read_only=True), asked_at
            connection.execute(question).fetchall()
            _look(connection, seen)
        except duckdb.Error as error:
            seen.errors.append(str(error)[:200])
        if connection is not None and time.perf_counter() - opened_at >= kept_seconds:
            connection.close()
            connection = None
        now = time.perf_counter()
        seen.queries += 1
        seen.slowest_seconds = max(seen.slowest_seconds, now - asked_at)
        seen.longest_pause_seconds = max(seen.longest_pause_seconds, now - answered_at)
        answered_at = now
        stop.wait(max(0.0, asked_at + 1 / QUERIES_PER_SECOND - now))
    seen.seconds = time.perf_counter() - began_at
    seen.errors = seen.errors[:10]
    return seen


def _look(connection: duckdb.DuckDBPyConnection, seen: Seen) -> None:
    [(run_id, rows)] = connection.execute("select run_id, published_rows from publish_state").fetchall()
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where table_name != 'publish_state'"
    ).fetchall()
    counted = " union all ".join(f'select count(*) as rows from "{schema}"."{table}"' for schema, table in tables)
    [(found,)] = connection.execute(f"select sum(rows) from ({counted})").fetchall()
    seen.half_states += found != rows
    if run_id not in seen.runs:
        seen.runs.append(run_id)


class Reader:
    """A reader in a process of its own, from the beginning of a `with` block to its end."""

    def __init__(self, marts: Path, kept_seconds: float, question: str) -> None:
        self.command = [sys.executable, "-m", "tests.bench.readers", str(marts), str(kept_seconds), question]
        self.seen = Seen()

    def __enter__(self) -> Reader:
        self.process = subprocess.Popen(
            self.command, cwd=PRODUCT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        output, _ = self.process.communicate()
        self.seen = Seen(**json.loads(output))


def main(marts: str, kept_seconds: str, question: str) -> None:
    stop = threading.Event()
    threading.Thread(target=lambda: stop.set() if sys.stdin.read() == "" else None, daemon=True).start()
    print(json.dumps(asdict(read_until(stop, Path(marts), float(kept_seconds), question))))


if __name__ == "__main__":
    main(*sys.argv[1:])
