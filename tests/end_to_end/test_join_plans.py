"""No model compares every row of one table with every row of another, but where one of them is a seed of rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from tests.warehouse import Warehouse

NESTED_LOOPS = {"BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN"}
# Each row against each rule of a seed, each directory of a session against each checkout of a project, each look at a
# file against the few turns before it (variable `turns_looked_back_on`), the few lines that may hold a secret.
AGAINST_FEW = {
    "int_correlations__file_evidence",
    "int_commits__link_policies",
    "int_episodes__work_states",
    "int_messages__typed",
    "int_sessions__exposed_secrets",
    "int_sessions__projects",
    "int_tool_calls__actions",
    "int_tool_calls__command_actions",
    "int_tool_calls__paired",
    "int_tool_calls__shell_changes",
    "int_tool_calls__tests",
    "int_turns__directives",
    "int_turns__reaction_features",
}


def operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["name"].strip()
    for child in plan["children"]:
        yield from operators(child)


def test_no_model_joins_by_nested_loops(sample_warehouse: Warehouse) -> None:
    """At the size of the sample such a join is as fast as any; with a hundred times the rows it never ends."""
    models = json.loads((sample_warehouse.project / "target/manifest.json").read_text(encoding="utf-8"))["nodes"]
    found, explained = set(), 0
    with duckdb.connect(str(sample_warehouse.database), read_only=True) as connection:
        for model in models.values():
            compiled = sample_warehouse.project / "target/compiled/ope" / model["original_file_path"]
            if model["resource_type"] != "model":
                continue
            [[_, plan]] = connection.execute(f"explain (format json) {compiled.read_text('utf-8')}").fetchall()
            explained += 1
            found |= {model["name"] for root in json.loads(plan) if NESTED_LOOPS & set(operators(root))}
    assert explained > 100
    assert found <= AGAINST_FEW, f"these compare all with all: {sorted(found - AGAINST_FEW)}"
