"""A database that nobody can write while it is looked at, and how many rows each of its tables has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingest.database import patiently, storage_errors
from ingest.database_tables import count_rows, first_catalog, tables_of
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
            counts = count_rows(connection, first_catalog(connection))
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


def missing_bytes(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """How much of what its tables use lies beyond the end of a database file: more than 0 where it is cut off.

    Opening reads the catalog only, and nothing else notices before a query comes to a block that is not there.
    """
    last = -1
    for table in tables_of(connection, first_catalog(connection)).values():
        row = connection.execute(
            "select max(greatest(block_id, list_max(additional_block_ids))) from pragma_storage_info(?)", [table]
        ).fetchone()
        last = max(last, row[0] if row and row[0] is not None else -1)
    size = connection.execute("select block_size from pragma_database_size() limit 1").fetchone()
    block_bytes = int(size[0]) if size else 0
    return max(0, _HEADER_BYTES + (last + 1) * block_bytes - path.stat().st_size)
