"""The short summary of a build: what was archived, landed, built and tested, and a few numbers of the marts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.status import Status, read_status
from ingest.terminal import many, number, show_heading, show_line, show_table, size

RUN_RESULTS = PRODUCT_ROOT / "target" / "run_results.json"

# Name, the mart's columns that it needs, and the question. A mart that is not built yet is left out.
_QUESTIONS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("sessions", "sessions", ("session_id",), "count(*)"),
    ("responses", "token_usage", ("input_tokens",), "count(*)"),
    (
        "tokens",
        "token_usage",
        (
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
        ),
        "sum(input_tokens + output_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens)",
    ),
    ("cost_usd", "token_usage", ("cost_usd",), "sum(cost_usd)"),
    ("tool_calls", "tool_calls", ("tool_name",), "count(*)"),
    ("tool_errors", "tool_calls", ("is_error",), "count(*) filter (where is_error)"),
    ("commits", "commits", ("commit_sha",), "count(*)"),
)
_KINDS = (("model", "models"), ("seed", "seeds"), ("test", "tests"), ("unit_test", "unit tests"))
_GOOD = frozenset({"success", "pass"})


@dataclass(frozen=True)
class Summary:
    """What is there. `marts` has only the numbers whose mart is built; `built` counts dbt's results."""

    data: str
    status: Status
    marts: dict[str, float] = field(default_factory=dict)
    built: dict[str, dict[str, int]] = field(default_factory=dict)
    build_seconds: float | None = None


def read_summary(data: DataDir, run_results: Path = RUN_RESULTS) -> Summary:
    """Collect it. No database, a locked one or no build are no error; a damaged registry is an IngestError."""
    marts = _marts(data)
    # dbt's results lie beside the program, not in the data directory: without marts here they are of another one.
    results = _read_json(run_results) if marts else {}
    return Summary(
        data=str(data.root),
        status=read_status(data),
        marts=marts,
        built=_built(results),
        build_seconds=results.get("elapsed_time"),
    )


def show_summary(summary: Summary) -> None:
    """Print it."""
    status = summary.status
    show_heading(f"OPE · {many(len(status.projects), 'project')} in {summary.data}")
    if status.projects:
        show_table(
            ("project", "files", "archived", "lines", "commits", "secrets", "problems", "waiting"),
            [_project_row(project) for project in status.projects],
            right=("files", "archived", "lines", "commits", "secrets", "problems", "waiting"),
        )
    if status.database_problem:
        show_line(status.database_problem, "yellow")
    for kind, title in _KINDS:
        counts = summary.built.get(kind)
        if counts:
            good = sum(count for state, count in counts.items() if state in _GOOD)
            rest = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()) if state not in _GOOD)
            show_line(f"{title}: {good} of {sum(counts.values())} good" + (f" ({rest})" if rest else ""))
    if summary.build_seconds is not None:
        show_line(f"last dbt command: {summary.build_seconds:.1f} s")
    if summary.marts:
        show_heading("From the marts")
        show_table(("what", "number"), _mart_rows(summary.marts), right=("number",))
    for line in next_steps(summary):
        show_line(f"→ {line}", "cyan")


def next_steps(summary: Summary) -> list[str]:
    """What a person would do next, most urgent first."""
    status = summary.status
    if not status.projects:
        return ["python -m ingest add-project --name NAME --repo PATH   register the first project"]
    steps = []
    waiting = sum(project.waiting_files for project in status.projects)
    if waiting or status.synced_at is None:
        steps.append(f"python -m ingest sync   {many(waiting, 'session file')} new or changed")
    failed = [project.project_id for project in status.projects if project.last_error]
    if failed:
        steps.append(f"python -m ingest status   what went wrong in {', '.join(failed)}")
    bad = sum(
        count for counts in summary.built.values() for state, count in counts.items() if state in ("error", "fail")
    )
    if bad:
        steps.append(f"make build   {many(bad, 'node')} failed: read the message, mend, build again")
    elif not summary.marts:
        steps.append("make build   build the marts")
    else:
        database = shown_path(Path(summary.data) / "ope.db")
        steps.append(f'.venv/bin/duckdb -readonly "{database}" -c "from sessions limit 5"   ask anything in SQL')
        steps.append("make docs   lineage and every column's meaning")
    return steps


def shown_path(path: Path) -> str:
    """The path as a person would type it here: relative where it lies below the working directory."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _project_row(project: Any) -> tuple[str, ...]:
    landed = project.landed
    return (
        project.project_id,
        number(project.archived_files),
        size(project.archived_bytes),
        number(landed.lines if landed else None),
        number(landed.commits if landed else None),
        number(landed.redactions if landed else None),
        number(landed.errors if landed else None),
        number(project.waiting_files),
    )


def _mart_rows(marts: dict[str, float]) -> list[tuple[str, str]]:
    rows = []
    for name, value in marts.items():
        if name == "cost_usd":
            rows.append(("list-price cost", f"${value:,.2f}"))
        elif name == "tool_errors":
            calls = marts.get("tool_calls")
            rows.append(("tool calls with an error", f"{100 * value / calls:.1f} %" if calls else number(value)))
        else:
            rows.append((name.replace("_", " "), number(value)))
    return rows


def _marts(data: DataDir) -> dict[str, float]:
    try:
        with opened_read_only(data.database) as connection:
            return _ask(connection)
    except IngestError:
        return {}  # the status says why


def _ask(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'main'"
    ).fetchall():
        columns.setdefault(table, set()).add(column)
    numbers: dict[str, float] = {}
    for name, table, needed, expression in _QUESTIONS:
        if columns.get(table, set()).issuperset(needed):
            value = connection.execute(f"select {expression} from main.{table}").fetchall()[0][0]
            numbers[name] = float(value or 0)
    return numbers


def _built(results: dict[str, Any]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for result in results.get("results", []):
        kind = str(result.get("unique_id", "")).split(".", 1)[0]
        counts.setdefault(kind, Counter())[str(result.get("status"))] += 1
    return {kind: dict(states) for kind, states in counts.items()}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
