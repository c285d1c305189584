"""Which tables a database has, and how many rows."""

from __future__ import annotations

import duckdb

from ingest.database import quoted


def first_catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """Name of the database that a connection was opened with, whatever else is attached and current."""
    catalogs = connection.execute(
        "select database_name from duckdb_databases() where not internal order by database_oid limit 1"
    ).fetchall()
    return str(catalogs[0][0])


def tables_of(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, str]:
    """Every table of a catalog, by `schema.table`: the same as SQL names it from anywhere."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where not internal and database_name = ? order by all",
        [catalog],
    ).fetchall()
    return {f"{schema}.{name}": ".".join(map(quoted, (catalog, schema, name))) for schema, name in tables}


def count_rows(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    """Rows of every table of a catalog, by `schema.table`."""
    counts = {}
    for name, table in tables_of(connection, catalog).items():
        [row] = connection.execute(f"select count(*) from {table}").fetchall()
        counts[name] = int(row[0])
    return counts
