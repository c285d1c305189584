"""The metrics of models/semantic say what docs/metrics.md says in plain SQL: the same numbers in all, by day, project
and agent; their days are those of `report_timezone`. Where MetricFlow is set up (`make venv-metrics`), it agrees."""

from __future__ import annotations

import csv
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import date, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ingest.paths import PRODUCT_ROOT
from tests.end_to_end.metric_sql import SemanticManifest
from tests.warehouse import Warehouse

PAGE = (PRODUCT_ROOT / "docs/metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(?P<metric>\w+)` \| `(?P<mart>\w+)` \| `(?P<sql>[^`]+)` \| `(?P<at>\w+)` \|$", re.MULTILINE)
PLAIN = {found["metric"]: found for found in ROW.finditer(PAGE)}
TIME = "timezone('UTC', timezone('UTC', {}))"
MF = Path(os.environ.get("OPE_MF", PRODUCT_ROOT / ".venv-metrics" / "bin" / "mf"))
FAR = "Asia/Tokyo"


@pytest.fixture(scope="module")
def manifest(sample_warehouse: Warehouse) -> SemanticManifest:
    return SemanticManifest(sample_warehouse.project / "target" / "semantic_manifest.json")


@pytest.fixture(scope="module")
def database(sample_warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """One connection for all queries: opening the file takes longer than they do."""
    with duckdb.connect(str(sample_warehouse.database), read_only=True) as connection:
        yield connection


def test_the_page_has_every_metric(manifest: SemanticManifest) -> None:
    assert list(PLAIN) == list(manifest.metrics)
    assert all(metric["description"] for metric in manifest.metrics.values())
    for model in manifest.models.values():
        assert all(part["description"] for part in (model, *model["measures"], *model["dimensions"])), model["name"]


@pytest.mark.parametrize("metric", PLAIN)
def test_a_metric_is_what_plain_sql_says(
    database: duckdb.DuckDBPyConnection, manifest: SemanticManifest, metric: str
) -> None:
    plain = PLAIN[metric]
    assert manifest.mart(metric) == plain["mart"]
    session = manifest.entity(metric, "session") if plain["mart"] != "sessions" else "session_id"
    agents = "(select session_id as agent_session_id, agent as agent_name from sessions)"
    table = f"{plain['mart']} left join {agents} as agents on {session} = agent_session_id"
    project = manifest.entity(metric, "project")
    for by_manifest, by_hand in (
        ("true", "true"),
        (f"date_trunc('day', {manifest.report_time(metric)})::date", f"{TIME.format(plain['at'])}::date"),
        (project, "project_id"),
        ("agent_name", "agent_name"),
    ):
        mine, theirs = (
            database.execute(f"select {by}, round({value}, 9) from {table} group by 1 order by 1").fetchall()
            for by, value in ((by_manifest, manifest.expression(metric)), (by_hand, plain["sql"]))
        )
        assert [(row[0], row[1] or 0) for row in mine] == [(row[0], row[1] or 0) for row in theirs]
        assert mine


def test_days_are_those_of_the_variable(database: duckdb.DuckDBPyConnection, manifest: SemanticManifest) -> None:
    """As the file has them, they name the variable; in another zone a message after midnight is of another day."""
    source = (PRODUCT_ROOT / "models/semantic/_semantic_models.yml").read_text(encoding="utf-8")
    assert source.count("type: time") == source.count("timezone('{{ var('report_timezone') }}'") == len(manifest.models)
    moved = 0
    for metric in ("sessions", "tokens", "tool_calls", "commits", "episodes"):
        far = in_zone(manifest.report_time(metric))
        query = f"select {PLAIN[metric]['at']}, ({far})::date from {manifest.mart(metric)}"
        for moment, day in database.execute(query).fetchall():
            assert (day is None) == (moment is None)
            if moment is not None:
                assert day == moment.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(FAR)).date()
                moved += day != moment.date()
    assert moved


def test_the_spine_has_every_day_of_the_metrics(
    sample_warehouse: Warehouse, database: duckdb.DuckDBPyConnection, manifest: SemanticManifest
) -> None:
    def days(sql: str) -> set[date]:
        return {day for (day,) in database.execute(sql).fetchall() if day is not None}

    [spine] = manifest.document["project_configuration"]["time_spines"]
    assert (spine["node_relation"]["alias"], spine["primary_column"]["name"]) == ("report_days", "day")
    compiled = next(sample_warehouse.project.glob("target/compiled/*/models/semantic/report_days.sql")).read_text()
    for zone in (str, in_zone):
        spine_days = days(zone(compiled))
        assert len(spine_days) == (max(spine_days) - min(spine_days)).days + 1
        for metric in ("sessions", "tokens", "tool_calls", "commits", "episodes"):
            time = zone(manifest.report_time(metric))
            assert days(f"select distinct ({time})::date from {manifest.mart(metric)}") <= spine_days
    assert days("select day from semantic.report_days") == days(compiled)


def in_zone(sql: str) -> str:
    """SQL that was compiled for UTC, as it is for another `report_timezone`."""
    found, count = re.subn(r"timezone\('UTC', timezone\('UTC',", f"timezone('{FAR}', timezone('UTC',", sql)
    assert count
    return found


@pytest.mark.skipif(not MF.exists(), reason="MetricFlow is an extra: make venv-metrics")
def test_metricflow_says_the_same(sample_warehouse: Warehouse, manifest: SemanticManifest, tmp_path: Path) -> None:
    output = tmp_path / "metrics.csv"
    command = [str(MF), "query", "--metrics", ",".join(PLAIN), "--group-by", "metric_time__day,project"]
    environment = os.environ | {
        "OPE_DATA_DIR": os.path.relpath(sample_warehouse.data, sample_warehouse.project),
        "DBT_PROFILES_DIR": str(sample_warehouse.project),
        "DBT_TARGET_PATH": str(sample_warehouse.project / "target"),
        "DBT_LOG_PATH": str(tmp_path),
    }
    done = subprocess.run(
        [*command, "--csv", str(output)],
        cwd=sample_warehouse.project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with output.open(encoding="utf-8") as file:
        rows = {(row["metric_time__day"][:10], row["project"]): row for row in csv.DictReader(file)}
    compared = 0
    for metric, plain in PLAIN.items():
        day_of = TIME.format(plain["at"])
        query = f"select {day_of}::date, project_id, {plain['sql']} from {plain['mart']} group by 1, 2"
        for day, project, number in sample_warehouse.query(query):
            found = rows[(day.isoformat(), project)][metric]
            assert float(found or 0) == pytest.approx(float(number or 0)), (metric, day)
            compared += 1
    assert compared > len(PLAIN)
