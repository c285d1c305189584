"""Says what a `dbt build` changed in the warehouse: nothing, when nothing new was landed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

COMPARED_SCHEMAS = ("main", "intermediate", "staging", "reference")
# Columns that say when a row was built: they differ from build to build by their nature.
BUILD_TIMES = ("created_at",)
# What reports on runs changes with every run by its nature.
OPERATIONS_FOLDERS = ("models/marts/operations/", "models/staging/operations/", "models/intermediate/operations/")


@dataclass(frozen=True)
class Content:
    """Rows of a relation and a hash over them that does not depend on their order."""

    rows: int
    digest: str


def operations_relations(manifest: Path) -> set[str]:
    """`schema.name` of every model in the folders of operations, out of dbt's manifest.json."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    return {
        f"{node['schema']}.{node['alias']}"
        for node in nodes
        if node["resource_type"] == "model" and node["original_file_path"].startswith(OPERATIONS_FOLDERS)
    }


def read_contents(database: Path, excluded: set[str]) -> dict[str, Content]:
    """The content of every table and view of the compared schemas, by `schema.name`."""
    with duckdb.connect(str(database), read_only=True) as connection:
        relations = connection.execute(
            "select table_schema, table_name from information_schema.tables where list_contains(?, table_schema) "
            "order by all",
            [list(COMPARED_SCHEMAS)],
        ).fetchall()
        contents = {}
        for schema, name in relations:
            if f"{schema}.{name}" in excluded:
                continue
            compared = "columns(c -> not list_contains(?, c))"
            # The alias, which no column may bear, stands for the whole row. A sum, not an exclusive or: two equal
            # rows must not cancel each other out.
            [row] = connection.execute(
                "select count(*), coalesce(sum(hash(ope_whole_row)::hugeint), 0)::varchar "
                f'from (select {compared} from "{schema}"."{name}") as ope_whole_row',
                [list(BUILD_TIMES)],
            ).fetchall()
            contents[f"{schema}.{name}"] = Content(*row)
    return contents


def differences(before: dict[str, Content], after: dict[str, Content]) -> list[str]:
    """One sentence per relation that is new, gone or different."""
    found = []
    for relation in sorted(before.keys() | after.keys()):
        old, new = before.get(relation), after.get(relation)
        if old == new:
            continue
        if old is None or new is None:
            found.append(f"{relation} {'appeared' if old is None else 'disappeared'}")
        else:
            found.append(f"{relation} has other content ({old.rows:,} rows before, {new.rows:,} after)")
    return found


def mark_ledger(database: Path) -> int:
    """Mark every row of `audit.ledger`, so that rows written later can be told apart; returns their number.

    A model that builds a session anew forgets it and remembers it again, with the same values: only a mark shows it.
    """
    with duckdb.connect(str(database)) as connection:
        connection.execute("alter table audit.ledger add column was_there boolean default true")
        connection.execute("alter table audit.ledger alter column was_there set default false")
        return connection.execute("select count(*) from audit.ledger").fetchall()[0][0]


def unmark_ledger(database: Path) -> tuple[int, dict[str, int]]:
    """Take the marks away again. Returns how many marked rows are left and, per model, how many are not marked."""
    with duckdb.connect(str(database)) as connection:
        kept = connection.execute("select count(*) from audit.ledger where was_there").fetchall()[0][0]
        rebuilt = connection.execute(
            "select model, count(*) from audit.ledger where was_there is not true group by model order by model"
        ).fetchall()
        connection.execute("alter table audit.ledger drop column was_there")
    return kept, dict(rebuilt)
