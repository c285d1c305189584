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
from ingest.terminal import ago, many, number, show_heading, show_line, show_table, size

# The tests of dbt that say that a quality gate does not hold.
GATE_TESTS = frozenset({"quality_gates_hold", "quality_gates_warn"})
RUN_RESULTS = PRODUCT_ROOT / "target" / "run_results.json"

# Name, mart, and what is asked of it. A mart that is not built yet is left out.
_QUESTIONS: tuple[tuple[str, str, str], ...] = (
    ("sessions", "sessions", "count(*) filter (where not is_subagent)"),
    ("subagent_sessions", "sessions", "count(*) filter (where is_subagent)"),
    ("active_hours", "sessions", "sum(active_seconds) / 3600"),
    ("turns", "sessions", "sum(turns)"),
    ("tool_calls", "tool_calls", "count(*)"),
    ("tool_error_share", "tool_calls", "count(*) filter (where is_error) / nullif(count(*), 0)"),
    ("api_responses", "token_usage", "count(*)"),
    ("tokens", "token_usage", "sum(total_tokens)"),
    ("cost_usd", "token_usage", "sum(cost_usd)"),
    ("commits", "commits", "count(*)"),
)
_KINDS = (("model", "models"), ("seed", "seeds"), ("test", "tests"), ("unit_test", "unit tests"))
_GOOD = frozenset({"success", "pass"})


@dataclass(frozen=True)
class Summary:
    """What is there. `marts` has only the numbers whose mart is built; `built` counts dbt's results, `warned` has the
    rows of tests that warned, by name."""

    data: str
    status: Status
    marts: dict[str, float] = field(default_factory=dict)
    built: dict[str, dict[str, int]] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
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
        warned=_warned(results),
        build_seconds=results.get("elapsed_time"),
    )


def show_summary(summary: Summary) -> None:
    """Print it."""
    status = summary.status
    show_heading(f"OPE · {many(len(status.projects), 'project')} in {shown_path(Path(summary.data))}")
    if status.projects:
        show_table(
            ("project", "transcripts", "archived", "lines", "commits", "secrets", "problems", "waiting"),
            [_project_row(project) for project in status.projects],
            right=("transcripts", "archived", "lines", "commits", "secrets", "problems", "waiting"),
        )
    if status.database_problem:
        show_line(status.database_problem, "yellow")
    for kind, title in _KINDS:
        counts = summary.built.get(kind)
        if counts:
            good = sum(count for state, count in counts.items() if state in _GOOD)
            rest = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()) if state not in _GOOD)
            show_line(f"{title}: {good} of {sum(counts.values())} good" + (f" ({rest})" if rest else ""))
    for name, rows in summary.warned.items():
        show_line(f"warning: {name.replace('_', ' ')}: {many(rows, 'row')}, see audit.{name}", "yellow")
    if summary.build_seconds is not None:
        published = f"; marts.db: {ago(status.published_at)}" if status.published_at else ""
        show_line(f"last dbt command: {summary.build_seconds:.1f} s{published}")
    for warning in status.warnings:
        show_line(f"warning: {warning}", "yellow")
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
    if summary.warned.keys() & GATE_TESTS:
        steps.append("python -m ingest quality-report   which quality gates do not hold, and where to look")
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
    shown = {
        "subagent_sessions": ("of subagents", "{:,.0f}"),
        "active_hours": ("active time", "{:,.1f} h"),
        "turns": ("turns (human intents)", "{:,.0f}"),
        "tool_error_share": ("with an error", "{:.1%}"),
        "api_responses": ("API responses", "{:,.0f}"),
        "cost_usd": ("list-price cost", "${:,.2f}"),
    }
    rows = []
    for name, value in marts.items():
        title, form = shown.get(name, (name.replace("_", " "), "{:,.0f}"))
        rows.append((title, form.format(value).replace("%", " %")))
    return rows


def _marts(data: DataDir) -> dict[str, float]:
    try:
        with opened_read_only(data.database) as connection:
            return _ask(connection)
    except IngestError:
        return {}  # the status says why


def _ask(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
    numbers: dict[str, float] = {}
    for name, table, expression in _QUESTIONS:
        if (table,) in tables:
            value = connection.execute(f"select {expression} from main.{table}").fetchall()[0][0]
            numbers[name] = float(value or 0)
    return numbers


def _built(results: dict[str, Any]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for result in results.get("results", []):
        kind = str(result.get("unique_id", "")).split(".", 1)[0]
        counts.setdefault(kind, Counter())[str(result.get("status"))] += 1
    return {kind: dict(states) for kind, states in counts.items()}


def _warned(results: dict[str, Any]) -> dict[str, int]:
    return {
        str(result["unique_id"]).split(".")[2]: int(result.get("failures") or 0)
        for result in results.get("results", [])
        if result.get("status") == "warn"
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
