"""The quality report: what the gates measured, the score, and which database it is read from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.errors import IngestError
from ingest.operations.quality import Gate, quality_report, report_of_run, save_report, score
from ingest.operations.run_records import read_runs
from ingest.paths import DataDir
from ingest.settings import setting
from tests.ingest.shell import Shell

COLUMNS = (
    "project_id varchar, gate varchar, state varchar, severity varchar, owner varchar, description varchar, "
    "unit varchar, holds varchar, gate_value double, threshold double, minimum bigint, counted bigint, bad bigint, "
    "weight bigint, credit double, example varchar, measured_at timestamp, gate_index integer"
)
DRIFT = (
    "project_id varchar, drift_kind varchar, drift_name varchar, records bigint, sessions bigint, "
    "first_agent_version varchar, last_agent_version varchar, example_path varchar, example_line integer"
)


def gate(name: str, state: str, weight: int, credit: float | None, project: str = "p") -> tuple[Any, ...]:
    severity = "error" if weight == 3 else "warn"
    value = None if credit is None else 0.02
    return (
        *(project, name, state, severity, "ingest", "lines that are no JSON", "share", "at_most", value, 0.01),
        *(10, 500, 10, weight, credit, "a.jsonl:3", "2026-03-01 00:00:00", 1),
    )


def write(path: Path, *gates: tuple[Any, ...], drift: bool = False) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create table quality_gates ({COLUMNS})")
        connection.execute(f"create table schema_drift ({DRIFT})")
        for row in gates:
            connection.execute(f"insert into quality_gates values ({', '.join('?' * len(row))})", row)
        if drift:
            connection.execute(
                "insert into schema_drift values ('p', 'field', 'user.new', 3, 1, '2.1.1', '2.1.2', 'a.jsonl', 7)"
            )


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "data")
    made.root.mkdir()
    return made


def test_the_score_is_the_weighted_part_that_holds(data: DataDir) -> None:
    write(
        data.database,
        gate("a", "passed", 3, 1.0),
        gate("b", "failed", 3, 0.5),
        gate("c", "warning", 1, 0.0),
        gate("d", "not measured", 1, None),
        gate("a", "passed", 1, 1.0, project="q"),
    )
    report = quality_report(data)
    # p: (3 × 1 + 3 × 0.5 + 1 × 0) / 7; with q: (4.5 + 1) / 8
    assert report.scores == {"p": 64.3, "q": 100.0}
    assert report.score == 68.8 and score([]) is None
    assert (report.failed, report.warned, len(report.gates), report.source) == (1, 1, 5, "ope.db")
    assert [item.gate for item in report.gates] == list("abcda")


def test_marts_db_is_read_where_the_warehouse_cannot_be(data: DataDir) -> None:
    with pytest.raises(IngestError, match="no database"):
        quality_report(data)
    data.database.write_bytes(b"no database")
    with pytest.raises(IngestError, match="not a database"):
        quality_report(data)
    write(data.published, gate("a", "passed", 3, 1.0))
    assert (quality_report(data).source, quality_report(data).score) == ("marts.db", 100.0)


def test_a_warehouse_without_gates_says_what_to_do(data: DataDir) -> None:
    duckdb.connect(str(data.database)).close()
    with pytest.raises(IngestError, match="no quality gates yet: run `dbt build`"):
        quality_report(data)


def test_a_night_keeps_its_report_and_its_score(data: DataDir) -> None:
    write(data.database, gate("a", "warning", 1, 0.25))
    report = report_of_run(data, "r1", data.run_outputs("20260301T000000Z-abcdef", "nightly"))
    path = data.outputs / "run_20260301T000000Z-abcdef_nightly_2026-03-01" / "quality_report.json"
    written = json.loads(path.read_text())
    assert (written["schema_version"], written["score"], written["gates"][0]["gate"]) == (1, 25.0, "a")
    assert path.read_bytes() == save_report(report, data.root / "again.json").read_bytes()
    (run,) = read_runs(data)
    assert (run["step"], run["counts"]) == ("quality", {"score": 25.0, "failed": 0, "warned": 1, "gates": 1})


def test_the_command_prints_saves_and_tells_by_its_exit_code(shell: Shell) -> None:
    shell.data.mkdir()
    data = DataDir(shell.data)
    write(data.database, gate("malformed_lines", "warning", 1, 0.5), drift=True)
    shown = shell.run("quality-report").stdout
    assert "malformed_lines: 0.02 (at most 0.01), 10 of 500, e.g. a.jsonl:3 [ingest]" in shown
    assert "user.new" in shown and "2.1.1" in shown and "a.jsonl:7" in shown and "record_fields.csv" in shown
    assert "score: 50.0 of 100; 0 gates failed, 1 warning" in shown

    with duckdb.connect(str(data.database)) as connection:
        connection.execute("update quality_gates set state = 'failed'")
    document = shell.json("quality-report", code=1)
    assert document["failed"] == 1
    assert document == json.loads((shell.data / "outputs" / "quality_report.json").read_text()) | {
        "measured_at": "2026-03-01T00:00:00Z",
        "gates": document["gates"],
    }


def test_every_gate_says_what_it_allows_and_who_looks_after_it() -> None:
    for name, gate_setting in setting("quality_gates").items():
        assert set(gate_setting) == {"severity", "owner", "unit", "holds", "threshold", "minimum", "measures"}, name
        assert gate_setting["severity"] in setting("gate_weights") and gate_setting["owner"], name
        assert gate_setting["holds"] in ("at_most", "at_least") and gate_setting["unit"] in ("share", "count", "days")
    assert setting("quality_gates")["correlation_precision"]["threshold"] == setting("gate_warning_below")
    assert set(Gate.__annotations__) <= {column.split()[0] for column in COLUMNS.split(", ")}
