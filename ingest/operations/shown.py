"""History and quality report for people."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.operations.history import Run
from ingest.operations.quality import FAILED, WARNING, Drift, QualityReport, sentence, shown
from ingest.terminal import many, number, show_heading, show_line, show_table, visible

SHOWN_DRIFT = 20
_VERDICTS = {None: "–", True: "yes", False: "no"}
# Steps in the order of a night; their names as columns.
_STEPS = ("archive", "git", "land", "build", "publish", "clean-up")
_ADVICE = {
    "record type": "after a look at it, list it in seeds/taxonomy/record_types.csv",
    "field": "after a look at it, list it in seeds/taxonomy/record_fields.csv",
}


def show_history(runs: Sequence[Run], warnings: Sequence[str]) -> None:
    """The runs as a table, what failed in them, and the warnings."""
    if not runs:
        show_line("Nothing ran here yet: python -m ingest sync, or python -m ingest nightly.")
        return
    columns = ("started (UTC)", "run", "status", "took", *_STEPS)
    counts = ("lines", "commits", "models", "tests", "failed", "warned", "score")
    show_table((*columns, *counts, "published"), [_run_row(run) for run in runs], right=(*columns[3:], *counts))
    for run in runs:
        for error in run.errors[:1]:
            show_line(f"{run.started_at:%Y-%m-%d %H:%M}: {visible(error)}", "yellow")
    for warning in warnings:
        show_line(f"warning: {warning}", "yellow")


def _run_row(run: Run) -> tuple[str, ...]:
    return (
        f"{run.started_at:%Y-%m-%d %H:%M}",
        run.kind,
        run.status,
        f"{run.seconds:,.0f} s",
        *(f"{run.steps[name]:,.1f}" if name in run.steps else "–" for name in _STEPS),
        *(number(count) for count in (run.lines, run.commits, run.models, run.tests, run.failed, run.warned)),
        "–" if run.score is None else f"{run.score:.1f}",
        _VERDICTS[run.is_published],
    )


def show_quality(report: QualityReport) -> None:
    """Every gate, what does not hold and where to look, what is new in the format, and the score."""
    show_table(
        ("project", "gate", "state", "value", "threshold", "bad", "of", "severity", "owner"),
        [
            (
                gate.project_id,
                gate.gate,
                gate.state,
                shown(gate.gate_value),
                f"{'≥' if gate.holds == 'at_least' else '≤'} {shown(gate.threshold)}",
                number(gate.bad),
                number(gate.counted),
                gate.severity,
                gate.owner,
            )
            for gate in report.gates
        ],
        right=("value", "threshold", "bad", "of"),
    )
    for gate in report.gates:
        if gate.state in (FAILED, WARNING):
            show_line(f"{gate.state}: {visible(sentence(gate))}", "red" if gate.state == FAILED else "yellow")
    _show_drift(report.drift)
    for project, points in report.scores.items() if len(report.scores) > 1 else ():
        show_line(f"{project}: {_score(points)}")
    measured = f"{report.measured_at:%Y-%m-%d %H:%M} UTC" if report.measured_at else "no project"
    verdict = f"{many(report.failed, 'gate')} failed, {many(report.warned, 'warning')}"
    show_line(f"score: {_score(report.score)} of 100; {verdict} (measured {measured}, {report.source})")


def _show_drift(drift: Sequence[Drift]) -> None:
    if not drift:
        return
    show_heading("New in the agent's format")
    show_table(
        ("project", "kind", "name", "records", "sessions", "since", "until", "example"),
        [
            (
                item.project_id,
                item.drift_kind,
                visible(item.drift_name, 60),
                number(item.records),
                number(item.sessions),
                item.first_agent_version or "–",
                item.last_agent_version or "–",
                visible(f"{item.example_path}:{item.example_line}"),
            )
            for item in drift[:SHOWN_DRIFT]
        ],
        right=("records", "sessions"),
    )
    if len(drift) > SHOWN_DRIFT:
        show_line(f"{len(drift) - SHOWN_DRIFT} more in the mart schema_drift")
    for kind in dict.fromkeys(item.drift_kind for item in drift):
        show_line(f"→ {_ADVICE[kind]}", "cyan")


def _score(points: float | None) -> str:
    return "–" if points is None else f"{points:.1f}"
