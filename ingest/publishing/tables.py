"""The public tables of a warehouse, copied with their comments into a file that needs no other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from ingest import __version__
from ingest.database import WAREHOUSE, literal, quoted
from ingest.database_tables import first_catalog
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.registry import load_projects

_STATE_TABLE = """
    create table main.publish_state (
        ope_version varchar not null,
        run_id varchar not null,
        published_at timestamp not null,
        built_at timestamp,
        synced_at timestamp,
        invocation_id varchar,
        dbt_version varchar,
        duckdb_version varchar not null,
        published_tables bigint not null,
        published_rows bigint not null
    );
    comment on table main.publish_state is 'One row: which state of the warehouse this file is.';
    comment on column main.publish_state.ope_version is 'Version of OPE that published.';
    comment on column main.publish_state.run_id is 'Run that published, as in `update_log`.';
    comment on column main.publish_state.published_at is 'When the file was written (UTC).';
    comment on column main.publish_state.built_at is 'When the last dbt command before it ended (UTC).';
    comment on column main.publish_state.synced_at is 'When the last sync before it had landed (UTC).';
    comment on column main.publish_state.invocation_id is 'That dbt command.';
    comment on column main.publish_state.dbt_version is 'Version of dbt-core that was installed.';
    comment on column main.publish_state.duckdb_version is 'Version of DuckDB that wrote the file.';
    comment on column main.publish_state.published_tables is 'Tables beside this one.';
    comment on column main.publish_state.published_rows is 'Their rows in all.';
"""


# Marts that tell about this machine's runs: their texts may name its directories.
_OPERATIONS = "models/marts/operations/"


@dataclass(frozen=True)
class Table:
    """A published table by its quoted name, with its schema, and its rows."""

    name: str
    rows: int


def copy_tables(connection: duckdb.DuckDBPyConnection, data: DataDir) -> list[Table]:
    """Copy marts and seeds, tables or views, as tables into the first catalog of `connection`, the warehouse being its
    current one. A relation that no model or seed of the project makes any more stays behind."""
    target = quoted(first_catalog(connection))
    relations = connection.execute(
        "select distinct schema_name, relation_name, file_path from audit.nodes "
        "where node_type = 'seed' or (node_type = 'model' and file_path like 'models/marts/%') order by all"
    ).fetchall()
    places = machine_places(data)
    tables = []
    for schema, name, file_path in relations:
        qualified = f"{quoted(schema)}.{quoted(name)}"
        columns = "*"
        if file_path.startswith(_OPERATIONS):
            columns = _without_places(connection, schema, name, places)
        connection.execute(f"create schema if not exists {target}.{quoted(schema)}")
        connection.execute(f"create table {target}.{qualified} as select {columns} from {WAREHOUSE}.{qualified}")
        rows = connection.execute(f"select count(*) from {WAREHOUSE}.{qualified}").fetchall()[0][0]
        tables.append(Table(qualified, rows))
    copy_comments(connection, target, [table.name for table in tables])
    return tables


def write_state(
    connection: duckdb.DuckDBPyConnection, tables: list[Table], run_id: str, published_at: datetime
) -> None:
    """Write `main.publish_state`, one row, into the first catalog; the warehouse is the current one."""
    target = quoted(first_catalog(connection))
    [(invocation_id, built_at)] = connection.execute(
        "select invocation_id, ended_at from audit.invocations order by invocation_number desc limit 1"
    ).fetchall()
    [(synced_at,)] = connection.execute(
        "select max(ended_at) from raw.ingest_runs where step = 'land' and status = 'ok'"
    ).fetchall()
    connection.execute(f"use {target}")
    connection.execute(_STATE_TABLE)
    connection.execute(
        "insert into main.publish_state values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(__version__, run_id, published_at, built_at, synced_at, invocation_id),
            *(version("dbt-core"), duckdb.__version__, len(tables), sum(table.rows for table in tables)),
        ],
    )


def machine_places(data: DataDir) -> list[tuple[str, str]]:
    """Directories of this machine that a message may name, longest first, each with what is written in its place."""
    places = {str(data.root): "<data>", str(PRODUCT_ROOT): "<program>", str(Path.home()): "~"}
    for project in load_projects(data):
        sources = [*project.session_directories, *project.repository_paths]
        sources += [place for place in (project.repository, project.remote, project.git_metadata) if place]
        places.update({source: f"<{project.project_id}>" for source in sources if source})
    return sorted(((place, name) for place, name in places.items() if len(place) > 1), key=lambda item: -len(item[0]))


def _without_places(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, places: list[tuple[str, str]]
) -> str:
    """The select list of a relation in which texts name no place of this machine."""
    texts = connection.execute(
        "select column_name from information_schema.columns where table_catalog = ? and table_schema = ? "
        "and table_name = ? and data_type = 'VARCHAR' order by ordinal_position",
        [WAREHOUSE, schema, name],
    ).fetchall()
    replaced = []
    for (column,) in texts:
        expression = quoted(column)
        for place, written in places:
            expression = f"replace({expression}, {literal(place)}, {literal(written)})"
        replaced.append(f"{expression} as {quoted(column)}")
    return f"* replace ({', '.join(replaced)})" if replaced else "*"


def copy_comments(connection: duckdb.DuckDBPyConnection, target: str, names: list[str]) -> None:
    """The comments of the named relations (`"schema"."table"`) and of their columns."""
    relations = connection.execute(
        "select schema_name, table_name, null, comment from duckdb_tables() where database_name = $1 union all "
        "select schema_name, view_name, null, comment from duckdb_views() where database_name = $1 union all "
        "select schema_name, table_name, column_name, comment from duckdb_columns() where database_name = $1",
        [WAREHOUSE],
    ).fetchall()
    statements = []
    for schema, table, column, comment in relations:
        name = f"{quoted(schema)}.{quoted(table)}"
        if comment and name in names:
            place = f"column {target}.{name}.{quoted(column)}" if column else f"table {target}.{name}"
            statements.append(f"comment on {place} is {literal(comment)}")
    connection.execute(";\n".join(statements) or "select 1")
