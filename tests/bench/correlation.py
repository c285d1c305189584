"""What each model of correlation costs at 1×, 3× and 10× commits × sessions of one project."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.bench.clones import clone_relations

FOLDERS = ("models/intermediate/correlation/", "models/intermediate/git/")
MARTS = ("correlations", "correlation_evidence", "correlation_quality", "commit_attribution")
TIMES = (1, 3, 10)
# The corpus lasts so long: the next clone begins when the last one ended.
CORPUS_DAYS = 43


@dataclass(frozen=True)
class Spent:
    """Processor seconds, peak of DuckDB's memory in bytes, and rows of one model."""

    seconds: float
    peak_bytes: int
    rows: int


def measured_models(nodes: dict[str, Any]) -> list[str]:
    """Ids of the models of correlation, parents first; without those that are built by session from logs alone."""
    chosen = {
        node_id
        for node_id, node in nodes.items()
        if node["resource_type"] == "model"
        and (node["original_file_path"].startswith(FOLDERS) or node["name"] in MARTS)
        and (node["config"]["materialized"] != "incremental" or node["config"]["meta"].get("states"))
    }
    ordered: list[str] = []

    def visit(node_id: str) -> None:
        if node_id in chosen and node_id not in ordered:
            for parent in nodes[node_id]["depends_on"]["nodes"]:
                visit(parent)
            ordered.append(node_id)

    for node_id in sorted(chosen):
        visit(node_id)
    return ordered


def inputs(manifest: dict[str, Any], models: list[str]) -> list[str]:
    """`schema.name` of the models and sources that `models` read, without `models` themselves and without seeds."""
    found = {parent for model in models for parent in manifest["nodes"][model]["depends_on"]["nodes"]} - set(models)
    nodes = [manifest["nodes"].get(parent) or manifest["sources"][parent] for parent in sorted(found)]
    return [_relation(node) for node in nodes if node["resource_type"] != "seed"]


def measure_clones(built: Path, target: Path, work: Path, times: int, days_apart: int) -> dict[str, Spent]:
    """Build the models of correlation `times` as large in a copy of the database `built`; what each one cost.

    `target`: where `dbt compile` has left manifest.json with the SQL of these models.
    """
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    models = measured_models(manifest["nodes"])
    # a run that was stopped may have left a database with changes that belong to it
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    # compiled SQL names the database by its file
    database = work / built.name
    shutil.copy2(built, database)
    profile = work / "profile.json"
    spent = {}
    with duckdb.connect(str(database)) as connection:
        connection.execute("set timezone = 'UTC'")
        clone_relations(connection, inputs(manifest, models), times, days_apart)
        # no unit is known to a model: each builds all
        connection.execute("delete from audit.ledger")
        connection.execute("checkpoint")
    for model in models:
        node = manifest["nodes"][model]
        relation = _relation(node)
        # a connection of its own, so that the peak is the model's
        with duckdb.connect(str(database)) as connection:
            connection.execute("set timezone = 'UTC'")
            kind = connection.execute(
                "select table_type from information_schema.tables where table_schema || '.' || table_name = ?",
                [relation],
            ).fetchall()
            if kind:
                connection.execute(f"drop {'view' if kind == [('VIEW',)] else 'table'} {relation}")
            connection.execute("pragma enable_profiling = 'json'")
            connection.execute(f"set profiling_output = '{profile}'")
            # processor time, because a wall clock also measures what else the machine does
            started = time.process_time()
            connection.execute(f"create table {relation} as ({node['compiled_code']}\n)")
            seconds = time.process_time() - started
            connection.execute("pragma disable_profiling")
            told = json.loads(profile.read_text(encoding="utf-8"))
            [(rows,)] = connection.execute(f"select count(*) from {relation}").fetchall()
        spent[node["name"]] = Spent(seconds, told["system_peak_buffer_memory"], rows)
    shutil.rmtree(work)
    return spent


def show_growth(spent: dict[int, dict[str, Spent]]) -> None:
    """One line per model: rows, seconds and memory at each size, and how many times as much the last one is."""
    smallest, largest = min(spent), max(spent)
    heading = "".join(f"{f'{times}×':>9}" for times in spent)
    print(f"  {'':<34} seconds{heading}  ratio   memory in MB{heading}    rows  ratio")
    total = {times: Spent(sum(s.seconds for s in parts.values()), 0, 0) for times, parts in spent.items()}
    for model in spent[smallest]:
        parts = {times: spent[times][model] for times in spent}
        seconds = "".join(f"{part.seconds:9.2f}" for part in parts.values())
        memory = "".join(f"{part.peak_bytes / 1e6:9.0f}" for part in parts.values())
        ratio = parts[largest].seconds / max(parts[smallest].seconds, 0.005)
        grown = parts[largest].rows / max(parts[smallest].rows, 1)
        rows = f"{parts[largest].rows:10,}{grown:6.1f}"
        print(f"  {model:<34}        {seconds}{ratio:7.1f}               {memory}{rows}")
    seconds = "".join(f"{part.seconds:9.2f}" for part in total.values())
    print(f"  {'all':<34}        {seconds}{total[largest].seconds / total[smallest].seconds:7.1f}")


def _relation(node: dict[str, Any]) -> str:
    return f"{node['schema']}.{node.get('alias') or node['identifier']}"
