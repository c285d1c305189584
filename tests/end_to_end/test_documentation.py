"""Everything that a user or a developer meets says what it is: `python -m tools.documentation` counts the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.documentation import Thing, environment_variables, signature, things

KINDS = {
    *("commands", "options", "arguments", "environment variables", "make targets", "variables"),
    *("marts", "columns of marts", "models", "columns of models", "seeds", "columns of seeds"),
    *("sources", "columns of sources", "macros", "arguments of macros", "data tests", "exposures"),
    *("metrics", "measures", "dimensions"),
}


@pytest.fixture(scope="module")
def manifest(sample_warehouse: Warehouse) -> dict[str, Any]:
    path = sample_warehouse.project / "target" / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(manifest: dict[str, Any]) -> list[Thing]:
    return list(things(manifest))


def test_everything_is_documented(found: list[Thing]) -> None:
    assert [f"{thing.kind}: {thing.name}" for thing in found if not thing.is_documented] == []


def test_every_kind_is_looked_at(found: list[Thing]) -> None:
    assert set(Counter(thing.kind for thing in found)) == KINDS
    assert {"OPE_DATA_DIR", "CLAUDE_CONFIG_DIR", "BASE_PYTHON"} <= environment_variables()
    assert signature("{% macro a(one, two='x') -%}") == ["one", "two"]


def test_the_database_says_what_its_columns_are(sample_warehouse: Warehouse) -> None:
    silent = sample_warehouse.query(
        "select table_name, column_name from duckdb_columns() "
        "where schema_name in ('main', 'reference') and database_name = current_database() "
        "and not internal and nullif(comment, '') is null"
    )
    assert silent == []
    assert (
        sample_warehouse.query("select table_name from duckdb_tables() where schema_name = 'main' and comment is null")
        == []
    )


def test_an_exposure_names_the_marts_that_its_files_read(manifest: dict[str, Any]) -> None:
    marts = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["path"].startswith("marts")
    }
    for exposure in manifest["exposures"].values():
        files = [path for pattern in exposure["meta"]["reads"] for path in PRODUCT_ROOT.glob(pattern)]
        texts = "\n".join(path.read_text(encoding="utf-8") for path in files)
        if files and files[0].suffix == ".md":
            texts = "\n".join(re.findall(r"^```sql\n(.*?)^```", texts, re.MULTILINE | re.DOTALL))
        read = set(re.findall(r"\b(?:from|join)\s+(?:main\.)?(\w+)", texts)) & marts
        named = {node.rsplit(".", 1)[1] for node in exposure["depends_on"]["nodes"]}
        assert read <= named, f"{exposure['name']} reads {sorted(read - named)} too"
        assert [mart for mart in named if not re.search(rf"\b{mart}\b", texts)] == []
