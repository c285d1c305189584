"""Databases and Parquet without what is forgotten: `ope.db`, `marts.db`, snapshots.

A row belongs to a session by `root_session_id` or `session_id`. What dbt made of sessions without saying of which (the
totals, an example of a gate) cannot be told apart: `ope.db` loses such a table, and the next `dbt build` makes it anew;
published tables of operations are emptied, for they quote. No file that is left has free blocks with deleted rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import duckdb

from ingest.cold.marts import ROOTS, chosen_roots
from ingest.cold.snapshots import STATE_TABLE
from ingest.database import WAREHOUSE, created, discard, literal, opened, opened_read_only, quoted, transaction
from ingest.database_tables import first_catalog
from ingest.files import disk_errors, durable_replace
from ingest.forgetting.journal import Forgetting
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.publishing.compaction import rewrite_database
from ingest.publishing.tables import copy_comments
from ingest.runlog import new_run_id

OPERATIONS = PRODUCT_ROOT / "models" / "marts" / "operations"
# What the warehouse knows of itself (macros/schemas.sql); all else in its schema are rows that a test found.
AUDIT = ("model_logic", "ledger", "invocations", "nodes", "dbt_results")
LEDGER = "audit.ledger"
NOT_BUILT = ("raw", "reference")
# Staging says what records say: where another session's names it, that is the other's.
QUOTING = "staging"

_SESSION_TABLES = ("session_files", "session_lines", "parse_errors", "redactions", "labels", "ingest_runs")
_BELOW = """
    with recursive below as (
        select node_id from audit.nodes where len(list_filter(parents, lambda parent: regexp_matches(parent, ?))) > 0
        union
        select nodes.node_id from audit.nodes as nodes
        inner join below on list_contains(nodes.parents, below.node_id)
    )
    select schema_name, relation_name from audit.nodes where node_id in (select node_id from below)
"""


@dataclass
class BuiltForgotten:
    """Rows of sessions that are taken out of `ope.db`, and tables that go, by `schema.table`."""

    rows: dict[str, int] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)


def forget_built(data: DataDir, forgetting: Forgetting, *, dry_run: bool = False) -> BuiltForgotten:
    """Take out of `ope.db` what dbt built, and write the file anew; schema `raw` is what `land` has made of it.

    Raises IngestError where another program has the database open or the disk refuses.
    """
    done = BuiltForgotten()
    if not data.database.exists():
        return done
    opener = opened_read_only(data.database) if dry_run else opened(data)
    with opener as connection, chosen_roots(connection, forgetting.roots):
        below = _below_sessions(connection, forgetting)
        with transaction(connection):
            for schema, table, columns in _tables(connection):
                _forget_table(connection, schema, table, columns, below, done, dry_run=dry_run)
        if not dry_run:
            connection.execute("checkpoint")
    if not dry_run:
        rewrite_database(data)
    return done


def _forget_table(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    columns: Collection[str],
    below: Collection[tuple[str, str]] | None,
    done: BuiltForgotten,
    *,
    dry_run: bool,
) -> None:
    name, relation = f"{schema}.{table}", f"{quoted(schema)}.{quoted(table)}"
    root = "split_part(unit_id, '/', 1)" if name == LEDGER else root_of_row(columns)
    if schema in NOT_BUILT or (schema == "audit" and table in AUDIT and name != LEDGER):
        return
    if root is not None:
        condition = f"{root} in (select root_session_id from chosen_roots)"
        rows = connection.execute(f"select count(*) from {relation} where {condition}").fetchall()[0][0]
        if rows and not dry_run:
            connection.execute(f"delete from {relation} where {condition}")
        if rows:
            done.rows[name] = int(rows)
        if schema != QUOTING and not dry_run:
            # who else had its records: the next build asks again, for whatever shares records with it
            for column in other_sessions(columns):
                gone = f"split_part({quoted(column)}, '/', 1) in (select root_session_id from chosen_roots)"
                connection.execute(f"update {relation} set {quoted(column)} = null where {gone}")
    elif below is None or (schema, table) in below or schema == "audit":
        done.tables.append(name)
        if not dry_run:
            connection.execute(f"drop table {relation}")


def _below_sessions(connection: duckdb.DuckDBPyConnection, forgetting: Forgetting) -> set[tuple[str, str]] | None:
    """Relations that are made of sessions, or of anything where a project goes; None where that is not known."""
    tables = "[a-z_]+" if forgetting.project_id else "|".join(_SESSION_TABLES)
    try:
        return set(connection.execute(_BELOW, [rf"^source\.[a-z_]+\.raw\.({tables})$"]).fetchall())
    except duckdb.CatalogException:
        return None


def root_of_row(columns: Collection[str]) -> str | None:
    """The expression for the root session of a row, None for a table whose rows belong to none."""
    return next((expression for column, expression in ROOTS.items() if column in columns), None)


def other_sessions(columns: Collection[str]) -> list[str]:
    """Columns in which a row can name another session than its own."""
    return [column for column in columns if column.endswith("session_id") and column not in ROOTS]


def forget_published(data: DataDir, forgetting: Forgetting, *, dry_run: bool = False) -> dict[str, int]:
    """Write `marts.db` anew without it; whoever has the old file open keeps reading that. Untouched where it has none.

    Returns the rows that go, by `schema.table`. Raises IngestError where the disk refuses; the old file stays then.
    """
    rows: dict[str, int] = {}
    if not data.published.exists():
        return rows
    unfinished = data.root / f".marts.db.{new_run_id()}.tmp"
    if dry_run:
        with opened_read_only(data.published) as connection, chosen_roots(connection, forgetting.roots):
            return _found(connection, forgetting, _tables(connection))
    try:
        with created(unfinished) as connection, chosen_roots(connection, forgetting.roots):
            connection.execute(f"attach {literal(str(data.published))} as {WAREHOUSE} (read_only)")
            copy = first_catalog(connection)
            connection.execute(f"use {WAREHOUSE}")
            tables = list(_tables(connection))
            rows = _found(connection, forgetting, tables)
            if rows:
                with transaction(connection):
                    _copy(connection, quoted(copy), forgetting, tables)
            connection.execute(f"use {quoted(copy)}")
        if rows:
            with disk_errors(data.published):
                durable_replace(unfinished, data.published)
    finally:
        discard(unfinished)
    return rows


def _found(
    connection: duckdb.DuckDBPyConnection, forgetting: Forgetting, tables: Collection[tuple[str, str, list[str]]]
) -> dict[str, int]:
    found = {}
    for schema, table, columns in tables:
        condition = condition_of(table, columns, forgetting)
        if schema not in NOT_BUILT and condition not in ("true", "false"):
            query = f"select count(*) from {quoted(schema)}.{quoted(table)} where {condition}"
            rows = connection.execute(query, parameters_of(condition, forgetting)).fetchall()[0][0]
            if rows:
                found[f"{schema}.{table}"] = int(rows)
    return found


def _copy(
    connection: duckdb.DuckDBPyConnection,
    copy: str,
    forgetting: Forgetting,
    tables: Collection[tuple[str, str, list[str]]],
) -> None:
    names, total = [], 0
    for schema, table, columns in tables:
        name = f"{quoted(schema)}.{quoted(table)}"
        select, values = f"select * from {name}", {}
        if schema not in NOT_BUILT:
            select, values = remaining_rows(name, table, columns, forgetting)
        connection.execute(f"create schema if not exists {copy}.{quoted(schema)}")
        connection.execute(f"create table {copy}.{name} as {select}", values)
        names.append(name)
        if table != STATE_TABLE:
            total += connection.execute(f"select count(*) from {copy}.{name}").fetchall()[0][0]
    copy_comments(connection, copy, names)
    if f'"main"."{STATE_TABLE}"' in names:
        connection.execute(f"update {copy}.main.{STATE_TABLE} set published_rows = ?", [total])


def remaining_rows(
    relation: str, table: str, columns: Collection[str], forgetting: Forgetting
) -> tuple[str, dict[str, str]]:
    """A query for the rows of a published table that stay, in which no column names a session that goes; its values.

    `chosen_roots` has to be there.
    """
    condition = condition_of(table, columns, forgetting)
    replaced = ", ".join(
        f"case when split_part({quoted(name)}, '/', 1) not in (select root_session_id from chosen_roots) "
        f"then {quoted(name)} end as {quoted(name)}"
        for name in other_sessions(columns)
    )
    selected = f"* replace ({replaced})" if replaced else "*"
    query = f"select {selected} from {relation} where not coalesce({condition}, false)"
    return query, parameters_of(condition, forgetting)


def condition_of(table: str, columns: Collection[str], forgetting: Forgetting) -> str:
    """Which rows of a published table go. `true`: it is about the program's own runs, and quotes."""
    conditions = []
    root = root_of_row(columns)
    if root is not None:
        conditions.append(f"{root} in (select root_session_id from chosen_roots)")
    if forgetting.project_id and "project_id" in columns:
        conditions.append("project_id = $project")
    if not conditions and (OPERATIONS / f"{table}.sql").exists():
        return "true"
    return " or ".join(conditions) or "false"


def parameters_of(condition: str, forgetting: Forgetting) -> dict[str, str]:
    """The values of the parameters in such a condition."""
    return {"project": forgetting.name} if "$project" in condition else {}


def _tables(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, list[str]]]:
    """Schema, name and columns of every table of the current catalog."""
    yield from connection.execute(
        "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name = current_database() and (schema_name, table_name) in (select schema_name, table_name "
        "from duckdb_tables() where database_name = current_database() and not internal) group by all order by all"
    ).fetchall()
