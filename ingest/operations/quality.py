"""The quality report: every gate with its value, threshold, state and owner, what is new in the format, and a score.

The gates are measured by dbt (model `quality_gates`); this only reads them. Score = 100 × Σ weight × credit ÷ Σ weight
over the gates that were measured: docs/quality-gates.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.files import write_atomically
from ingest.paths import DataDir
from ingest.runlog import step

SCHEMA_VERSION = 1
FILE = "quality_report.json"
FAILED, WARNING = "failed", "warning"


@dataclass(frozen=True)
class Gate:
    """One gate of one project; fields as the columns of mart `quality_gates`."""

    project_id: str
    gate: str
    state: str
    severity: str
    owner: str
    description: str
    unit: str
    holds: str
    gate_value: float | None
    threshold: float
    minimum: int
    counted: int
    bad: int | None
    weight: int
    credit: float | None
    example: str | None
    measured_at: datetime


@dataclass(frozen=True)
class Drift:
    """A type of record or a field that no seed lists; fields as the columns of mart `schema_drift`."""

    project_id: str
    drift_kind: str
    drift_name: str
    records: int
    sessions: int
    first_agent_version: str | None
    last_agent_version: str | None
    example_path: str | None
    example_line: int | None


@dataclass(frozen=True)
class QualityReport:
    """`score` and `scores` (by project) are from 0 to 100, None where nothing was measured. `source` is the file read:
    ope.db, or marts.db where that one is busy."""

    source: str
    measured_at: datetime | None
    score: float | None
    scores: dict[str, float | None]
    failed: int
    warned: int
    gates: list[Gate]
    drift: list[Drift]
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def document(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)


def quality_report(data: DataDir) -> QualityReport:
    """Read what the last build measured. Raises IngestError where neither database can be read or has it."""
    source, gates, drift = _read(data)
    projects = sorted({gate.project_id for gate in gates})
    return QualityReport(
        source=source,
        measured_at=max((gate.measured_at for gate in gates), default=None),
        score=score(gates),
        scores={project: score([gate for gate in gates if gate.project_id == project]) for project in projects},
        failed=sum(gate.state == FAILED for gate in gates),
        warned=sum(gate.state == WARNING for gate in gates),
        gates=gates,
        drift=drift,
    )


def score(gates: Sequence[Gate]) -> float | None:
    """100 × the sum of weight × credit by the sum of weights, to one decimal, over those that were measured."""
    measured = [(gate.weight, gate.credit) for gate in gates if gate.credit is not None]
    total = sum(weight for weight, _ in measured)
    return round(100 * sum(weight * credit for weight, credit in measured) / total, 1) if total else None


def save_report(report: QualityReport, path: Path) -> Path:
    """Write it as JSON, atomically. Raises IngestError when the disk refuses."""
    write_atomically(path, orjson.dumps(report.document, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def report_of_run(data: DataDir, run_id: str, directory: Path) -> QualityReport:
    """The report of a night: `quality_report.json` in `directory`, its score in the run log, as step `quality`."""
    with step(data, run_id, "quality") as counts:
        report = quality_report(data)
        save_report(report, directory / FILE)
        counts.update(score=report.score, failed=report.failed, warned=report.warned, gates=len(report.gates))
    return report


def sentence(gate: Gate) -> str:
    """What does not hold: `tidebook: records of a type … : 0.0019 (at most 0), 1 of 540, e.g. quay-latch [staging]`."""
    bad = "" if gate.bad is None else f", {gate.bad:,} of {gate.counted:,}"
    example = f", e.g. {gate.example}" if gate.example else ""
    value, limit = shown(gate.gate_value), f"{gate.holds.replace('_', ' ')} {shown(gate.threshold)}"
    return f"{gate.project_id}: {gate.gate}: {value} ({limit}){bad}{example} [{gate.owner}]"


def shown(value: float | None) -> str:
    """A value as people read it: four digits, no zeros behind."""
    return "–" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def _read(data: DataDir) -> tuple[str, list[Gate], list[Drift]]:
    """From ope.db, else from marts.db. The reason of the first stands where both fail."""
    reason: IngestError | None = None
    for path in (data.database, data.published):
        try:
            with opened_read_only(path) as connection:
                return path.name, *_ask(connection)
        except IngestError as error:
            reason = reason or error
        except duckdb.CatalogException:
            reason = reason or IngestError(f"{path} has no quality gates yet: run `dbt build`, then try again.")
    raise reason or IngestError(f"There is no database in {data.root}: run `python -m ingest nightly`.")


def _ask(connection: duckdb.DuckDBPyConnection) -> tuple[list[Gate], list[Drift]]:
    gates = connection.execute(
        f"select {', '.join(Gate.__annotations__)} from main.quality_gates order by project_id, gate_index"
    ).fetchall()
    drift = connection.execute(
        f"select {', '.join(Drift.__annotations__)} from main.schema_drift "
        "order by project_id, drift_kind desc, records desc, drift_name"
    ).fetchall()
    return [Gate(*row) for row in gates], [Drift(*row) for row in drift]
