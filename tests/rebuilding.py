"""What a build made anew, and whether what it kept equals what it would have made."""

from __future__ import annotations

import json

import duckdb

from tests.warehouse import Warehouse

# The models that a correlation is made of, by session and by commit.
FOLDERS = ("intermediate/correlation", "intermediate/git", "intermediate/line_changes", "intermediate/sessions")


def mark_units(warehouse: Warehouse) -> None:
    """Mark what `audit.ledger` knows, so that `rebuilt_units` tells what was written later."""
    with duckdb.connect(str(warehouse.database)) as connection:
        connection.execute("alter table audit.ledger add column was_there boolean default true")
        connection.execute("alter table audit.ledger alter column was_there set default false")


def rebuilt_units(warehouse: Warehouse) -> dict[str, set[str]]:
    """Model → the sessions, commits or projects that were built since `mark_units`; takes the marks away again."""
    with duckdb.connect(str(warehouse.database)) as connection:
        rows = connection.execute(
            "select split_part(model, '.', 3), unit_id from audit.ledger where was_there is not true"
        ).fetchall()
        connection.execute("alter table audit.ledger drop column was_there")
    units: dict[str, set[str]] = {}
    for model, unit in rows:
        units.setdefault(model, set()).add(unit)
    return units


def stale_models(warehouse: Warehouse) -> dict[str, tuple[int, int]]:
    """Models by unit whose rows are not those of a full refresh from their present inputs: rows too many, rows missing.

    Each model's SQL is run for all units; the tables below the models by unit are made anew by every build.
    """
    manifest = json.loads((warehouse.project / "target/manifest.json").read_text(encoding="utf-8"))
    stale = {}
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for node in manifest["nodes"].values():
            path = node["original_file_path"]
            if node["config"].get("materialized") != "incremental" or not path.startswith(
                tuple(f"models/{folder}/" for folder in FOLDERS)
            ):
                continue
            compiled_file = warehouse.project / "target/compiled/ope" / path
            if not compiled_file.exists():
                # not selected, so not built and not to compare
                continue
            compiled = compiled_file.read_text(encoding="utf-8")
            # as if the ledger knew no unit
            compiled = compiled.replace("from audit.ledger as", "from (from audit.ledger limit 0) as")
            relation = f"{node['schema']}.{node['alias']}"
            columns = ", ".join(f'"{name}"' for name, *_ in connection.execute(f"describe {relation}").fetchall())
            kept, anew = f"select {columns} from {relation}", f"select {columns} from ({compiled}\n)"
            [counts] = connection.execute(
                f"with kept as materialized ({kept}), anew as materialized ({anew}) "
                "select (select count(*) from (from kept except all from anew)), "
                "(select count(*) from (from anew except all from kept))"
            ).fetchall()
            if counts != (0, 0):
                stale[node["name"]] = counts
    return stale
