"""The runs of a data directory over time, out of `data/runs`: what each did, how long it took, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.operations.run_records import records_in, run_files, seconds
from ingest.paths import DataDir

NIGHT, SYNC = "nightly", "sync"
REWRITE = "redact"  # lands too
# The step that contains the others of a night; what takes its time is named by them.
WHOLE = "nightly"
# How a night ended, by its exit code.
ENDS = {0: "ok", 1: "failed", 2: "withheld"}

_BUILDS = """
    with results as (
        select
            invocation_id,
            count(*) filter (where node_type = 'model') as models,
            count(*) filter (where node_type = 'test') as tests,
            count(*) filter (where status in ('fail', 'error', 'runtime error', 'partial success')) as failed,
            count(*) filter (where status = 'warn') as warned
        from audit.dbt_results
        group by invocation_id
    )
    select
        invocations.invocation_id, 'dbt ' || invocations.command, invocations.started_at, invocations.ended_at,
        results.models, results.tests, results.failed, results.warned
    from audit.invocations as invocations
    inner join results on invocations.invocation_id = results.invocation_id
    where invocations.ended_at is not null and not list_contains(?, invocations.invocation_id)
    order by invocations.invocation_number desc
    limit ?
"""


@dataclass
class Run:
    """One run. `kind` is `nightly`, `sync`, or the name of its first step. Times are UTC, `steps` are seconds by name.

    `lines` and `commits` are what it found that was new; None where it did not look. `is_published` is None where it
    did not try. `score` is that of its quality report.
    """

    run_id: str
    kind: str
    started_at: datetime
    ended_at: datetime
    status: str = "ok"
    steps: dict[str, float] = field(default_factory=dict)
    lines: int | None = None
    commits: int | None = None
    models: int | None = None
    tests: int | None = None
    failed: int | None = None
    warned: int | None = None
    invocation_id: str | None = None
    is_published: bool | None = None
    score: float | None = None
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0


def read_history(data: DataDir, last: int | None = None) -> list[Run]:
    """The last `last` runs (None: all), the oldest first. What cannot be read of a file is passed over.

    Files of months before those are not opened, so that a log of many years does not matter.
    """
    records: list[dict[str, Any]] = []
    # A run that goes past the end of a month stands in two files: the one before the last is read too.
    is_enough = False
    for path in reversed(run_files(data)):
        records += records_in(path)
        if is_enough:
            break
        is_enough = last is not None and len({record["run_id"] for record in records}) > last
    found = history_of(records)
    return found if last is None else found[-last:]


def history_of(records: Iterable[dict[str, Any]]) -> list[Run]:
    """The runs that records of the run log tell of, the oldest first."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        runs.setdefault(str(record["run_id"]), []).append(record)
    found = (_run(run_id, of_run) for run_id, of_run in runs.items())
    return sorted(found, key=lambda run: run.started_at)


def read_history_with_builds(data: DataDir, last: int, *, only_nights: bool = False) -> list[Run]:
    """The last runs, dbt commands that no night ran among them, the oldest first."""
    runs = read_history(data) if only_nights else read_history(data, last)
    if only_nights:
        return [run for run in runs if run.kind == NIGHT][-last:]
    known = [run.invocation_id for run in runs if run.invocation_id]
    # older than all of these, or of a night before them: they would stand there without their neighbours
    builds = [run for run in read_builds(data, last, known) if len(runs) < last or run.started_at >= runs[0].started_at]
    return sorted([*runs, *builds], key=lambda run: run.started_at)[-last:]


def read_builds(data: DataDir, last: int, known: Sequence[str] = ()) -> list[Run]:
    """The last dbt commands that ran nodes, the oldest first, but for the invocations that are `known`. None where the
    database cannot be read now: another program builds, or nothing was built."""
    try:
        with opened_read_only(data.database) as connection:
            rows = connection.execute(_BUILDS, [list(known), last]).fetchall()
    except (IngestError, duckdb.CatalogException):
        return []
    return [_build(*row) for row in reversed(rows)]


def _build(invocation_id: str, command: str, started_at: datetime, ended_at: datetime, *counts: int) -> Run:
    took = max((ended_at - started_at).total_seconds(), 0.0)
    run = Run(invocation_id, command, started_at, ended_at, invocation_id=invocation_id, seconds=took)
    run.models, run.tests, run.failed, run.warned = counts
    run.steps = {"build": round(took, 3)}
    run.status = "failed" if run.failed else "ok"
    return run


def _run(run_id: str, records: Sequence[dict[str, Any]]) -> Run:
    records = sorted(records, key=lambda record: (record["started"], record["ended"]))
    names = {str(record["step"]) for record in records}
    is_sync = "land" in names and REWRITE not in names
    kind = NIGHT if names & {WHOLE, "build"} else SYNC if is_sync else str(records[0]["step"])
    run = Run(run_id, kind, records[0]["started"], max(record["ended"] for record in records))
    # a clock that jumped back must not make a duration negative
    run.seconds = max((run.ended_at - run.started_at).total_seconds(), 0.0)
    for record in records:
        _add(run, record)
    for whole in (record for record in records if record["step"] == WHOLE and record["status"] == "ok"):
        # A gate that keeps marts.db as it was is no failure, though its step ended with one.
        run.status = ENDS.get(int((whole.get("counts") or {}).get("exit_code") or 0), "failed")
    return run


def _add(run: Run, record: dict[str, Any]) -> None:
    name, counts = str(record["step"]), record.get("counts") or {}
    is_good = record.get("status") == "ok"
    if name != WHOLE:
        run.steps[name] = round(run.steps.get(name, 0.0) + seconds(record), 3)
    if name == "publish":
        run.is_published = is_good
    if not is_good:
        run.status = "failed"
        if record.get("error"):
            run.errors.append(f"{name}: {record['error']}")
    elif name == "land":
        run.lines = (run.lines or 0) + int(counts.get("lines") or 0)
    elif name == "git":
        run.commits = (run.commits or 0) + int(counts.get("new_commits") or 0)
    elif name == "quality":
        run.score = counts.get("score")
    if name == "build":
        run.invocation_id = counts.get("invocation_id")
        run.models, run.tests = counts.get("models"), counts.get("tests")
        run.failed = int(counts.get("failed") or 0) + int(counts.get("broken") or 0)
        run.warned = int(counts.get("warned") or 0)
