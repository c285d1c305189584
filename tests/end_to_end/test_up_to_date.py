"""A night builds what has changed, with all that is made from it, and nothing else; it parses nothing that it knows."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.warehouse import Warehouse

pytestmark = pytest.mark.slow

# A gate that the sample does not pass on purpose: it has a kind of record that no seed lists.
WARNS = "quality_gates_warn"
# What looks at the clock, and what is made from it.
EVERY_NIGHT = {"quality_measures", "quality_gates"}
UNCHANGED = "UNCHANGED"


def copy_of(sample_warehouse: Warehouse, directory: Path) -> Warehouse:
    """The built sample, to change freely."""
    warehouse = Warehouse.make(directory)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    return warehouse


def last_results(warehouse: Warehouse) -> list[dict[str, Any]]:
    """What dbt wrote of its last run, node by node."""
    return json.loads((warehouse.project / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]


def built(warehouse: Warehouse) -> set[str]:
    """Names of the models and seeds that the last run built."""
    return {
        result["unique_id"].split(".")[2]
        for result in last_results(warehouse)
        if result["unique_id"].startswith(("model.", "seed.")) and result["message"] != UNCHANGED
    }


@pytest.mark.long
def test_a_night_builds_what_changed(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = copy_of(sample_warehouse, tmp_path)

    warehouse.build()
    assert built(warehouse) == EVERY_NIGHT, "nothing is new"
    found = {result["unique_id"].split(".")[2]: result["status"] for result in last_results(warehouse)}
    assert found[WARNS] == "warn", "a test that found something is asked again"
    assert found["int_commits__line_rarity"] == "success"
    assert warehouse.contents() == sample_warehouse.contents()

    # a table that somebody took away, a description, a row that was landed, and a type that a seed's column has
    with duckdb.connect(str(warehouse.database)) as connection:
        connection.execute("drop table intermediate.int_commits__words")
        connection.execute("insert into raw.projects select * replace ('late' as project_id) from raw.projects")
    described = warehouse.project / "models/marts/training/reaction_quality.yml"
    described.write_text(described.read_text(encoding="utf-8").replace("One row per", "One  row per", 1), "utf-8")
    typed = warehouse.project / "seeds/git/bot_authors.yml"
    typed.write_text(typed.read_text(encoding="utf-8").replace("One row per", "One  row per", 1), "utf-8")
    warehouse.build()
    assert {"int_commits__words", "reaction_quality", "bot_authors", "projects"} <= built(warehouse)
    assert not {"int_commits__line_rarity", "commit_files", "model_prices"} & built(warehouse)
    [(comment,)] = warehouse.query("select comment from duckdb_tables() where table_name = 'reaction_quality'")
    assert comment.startswith("One  row per")
    assert warehouse.query("select count(*) from projects") == [(2,)]

    # a gate is asked where what it looks at has changed, and not before
    with duckdb.connect(str(warehouse.database)) as connection:
        connection.execute("insert into raw.projects from raw.projects where project_id = 'late'")
    with pytest.raises(AssertionError, match=r"unique_key_stg_registry__projects_project_id"):
        warehouse.build("--select", "stg_registry__projects")


def test_a_night_parses_nothing_that_it_knows(
    sample_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbt.cli.main import dbtRunner

    warehouse = copy_of(sample_warehouse, tmp_path)
    project = warehouse.project
    monkeypatch.chdir(project)
    monkeypatch.setenv("OPE_DATA_DIR", os.path.relpath(warehouse.data, project))
    monkeypatch.setenv("DBT_PROFILES_DIR", str(project))
    monkeypatch.setenv("DBT_TARGET_PATH", str(project / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(project / "logs"))
    parsed: list[str] = []

    def on_event(event: Any) -> None:
        if event.info.name in ("PartialParsingSkipParsing", "UnableToPartialParse"):
            parsed.append(event.info.msg)

    assert dbtRunner(callbacks=[on_event]).invoke(["--quiet", "parse"]).success
    assert parsed == ["Partial parsing enabled, no changes found, skipping parsing"]
