"""A database that nobody can write while it is looked at, and how many rows each of its tables has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingest.database import patiently, quoted, storage_errors
from ingest.errors import IngestError

# Three headers of DuckDB's before the first block.
_HEADER_BYTES = 3 * 4096


@contextmanager
def held_open(path: Path) -> Iterator[dict[str, int]]:
    """Hold a database open for reading, which keeps writers out; yields its rows by `schema.table`.

    Waits for a program that writes, variable `database_wait_seconds` at most. Raises IngestError where it goes on
    writing, or where the file is damaged.
    """
    with storage_errors(path):
        try:
            connection = patiently(lambda: duckdb.connect(str(path), read_only=True), path)
        except duckdb.ConnectionException as error:
            raise IngestError(f"The database {path} is open for writing in this program: close it there.") from error
        try:
            counts = count_rows(connection)
        except duckdb.Error as error:
            connection.close()
            raise IngestError(
                f"The database {path} cannot be read ({str(error).splitlines()[0][:200]}): restore it from a backup, "
                "or move it away and run `python -m ingest sync` and `dbt build`, which make a new one."
            ) from error
    try:
        yield counts
    finally:
        connection.close()


def count_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every table, by `schema.table`."""
    counts = {}
    for name, table in _tables(connection):
        row = connection.execute(f"select count(*) from {table}").fetchone()
        counts[name] = int(row[0]) if row else 0
    return counts


def missing_bytes(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """How much of what its tables use lies beyond the end of a database file: more than 0 where it is cut off.

    Opening reads the catalog only, and nothing else notices before a query comes to a block that is not there.
    """
    last = -1
    for _, table in _tables(connection):
        row = connection.execute(
            "select max(greatest(block_id, list_max(additional_block_ids))) from pragma_storage_info(?)", [table]
        ).fetchone()
        last = max(last, row[0] if row and row[0] is not None else -1)
    size = connection.execute("select block_size from pragma_database_size() limit 1").fetchone()
    block_bytes = int(size[0]) if size else 0
    return max(0, _HEADER_BYTES + (last + 1) * block_bytes - path.stat().st_size)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """`schema.table` and the same as SQL names it, of every table."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where not internal and database_name = current_database() "
        "order by all"
    ).fetchall()
    return [(f"{schema}.{table}", f"{quoted(schema)}.{quoted(table)}") for schema, table in tables]
