"""A night with dbt itself: the sample grows, is built, tested, published, and told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from ingest.nightly.night import run_night
from ingest.paths import DataDir
from ingest.sample import write_sample
from tests.end_to_end.conftest import register_sample
from tests.warehouse import Warehouse

pytestmark = pytest.mark.slow


def test_a_night(sample_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    source = write_sample(tmp_path / "source")
    register_sample(warehouse, source.projects, source.repository)
    # One session goes on, and a test of severity error finds something.
    session = source.session_directory / "f270efb1-85c9-57d8-8141-1855f802dcf8.jsonl"
    record = json.loads(session.read_bytes().splitlines()[-1]) | {"uuid": "a new one", "type": "user"}
    with session.open("a") as file:
        file.write(json.dumps(record) + "\n")
    impossible = warehouse.project / "tests" / "marts" / "impossible.sql"
    impossible.write_text("select * from {{ ref('agent_line_shares') }}")
    for name, value in (("TARGET", "target"), ("LOG", "logs")):
        monkeypatch.setenv(f"DBT_{name}_PATH", str(warehouse.project / value))
    [(lines,)] = sample_warehouse.query("select sum(lines) from sessions")
    reported: list[tuple[str, int, int]] = []

    night = run_night(DataDir(warehouse.data), lambda *told: reported.append(told), warehouse.project)

    assert night.exit_code == 2 and night.failures == []
    assert any("impossible failed" in sentence for sentence in night.withheld), night.withheld
    assert not (warehouse.data / "marts.db").exists()
    assert night.built is not None and night.built.failed_tests == ["impossible"]
    assert {label for label, *_ in reported} >= {"dbt build", "landing"}
    assert max(done for label, done, _ in reported if label == "dbt build") > 250
    assert night.outputs is not None
    results = json.loads((night.outputs / "run_results.json").read_text())
    assert results["metadata"]["invocation_id"] == night.built.invocation_id
    # The test goes away, and with it its result: nothing has to be built again for that.
    with duckdb.connect(str(warehouse.database)) as connection:
        steps = connection.execute("select step from raw.ingest_runs where run_id = ?", [night.run_id]).fetchall()
        assert {step for (step,) in steps} >= {"nightly", "archive", "git", "land", "build", "publish", "clean-up"}
        connection.execute("delete from audit.nodes where node_name = 'impossible'")
    warehouse.ingest("publish")
    with duckdb.connect(str(warehouse.data / "marts.db"), read_only=True) as connection:
        assert connection.execute("select sum(lines) from sessions").fetchall() == [(lines + 1,)]
        assert connection.execute("select invocation_id from publish_state").fetchall() == [
            (night.built.invocation_id,)
        ]
