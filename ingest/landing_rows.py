"""Rows of schema `raw`: their columns, and how they are written and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from ingest.database import transaction

LINE_STEP = "landing"
TOKEN_START = "[REDACTED:"

# The tables with a column project_id; the lines of a project are found by its files.
PROJECT_TABLES = (
    "session_files",
    "commits",
    "commit_files",
    "reflog",
    "parse_errors",
    "redactions",
    "labels",
    "landed_files",
    "projects",
)
_LINES_OF_PROJECTS = "file_id in (select file_id from raw.session_files where project_id in (select unnest(?)))"

ERROR_SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("step", pa.string()),
        ("path", pa.string()),
        ("file_id", pa.string()),
        ("line_number", pa.int32()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)
FILE_SCHEMA = pa.schema(
    [
        ("file_id", pa.string()),
        ("project_id", pa.string()),
        ("agent", pa.string()),
        ("path", pa.string()),
        ("session_id", pa.string()),
        ("parent_session_id", pa.string()),
        ("version", pa.int32()),
        ("bytes", pa.int64()),
        ("lines", pa.int64()),
        ("content_hash", pa.string()),
        ("sidecar", pa.string()),
        ("first_run_id", pa.string()),
        ("last_run_id", pa.string()),
    ]
)


@dataclass(frozen=True)
class FileRow:
    """A row of `raw.session_files` but for the two columns that say who wrote it."""

    file_id: str
    project_id: str
    agent: str
    path: str
    session_id: str
    parent_session_id: str | None
    version: int
    bytes: int
    lines: int
    content_hash: str
    sidecar: str | None
    first_run_id: str
    last_run_id: str


def remove_rows(connection: duckdb.DuckDBPyConnection, project_ids: Sequence[str]) -> None:
    """Take all rows of these projects out of schema `raw`, in one transaction (the log of runs stays)."""
    if not project_ids:
        return
    ids = list(project_ids)
    with transaction(connection):
        connection.execute(f"delete from raw.session_lines where {_LINES_OF_PROJECTS}", [ids])
        for table in PROJECT_TABLES:
            connection.execute(f"delete from raw.{table} where project_id in (select unnest(?))", [ids])


def count_rows(connection: duckdb.DuckDBPyConnection, project_id: str) -> dict[str, int]:
    """How many rows a project has, by table of schema `raw`; a table that is not there yet has none."""
    present = connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
    conditions = {"session_lines": _LINES_OF_PROJECTS} | dict.fromkeys(
        PROJECT_TABLES, "project_id in (select unnest(?))"
    )
    counts = {}
    for table, condition in conditions.items():
        if (table,) in present:
            rows = connection.execute(f"select count(*) from raw.{table} where {condition}", [[project_id]]).fetchall()
            counts[table] = rows[0][0]
    return counts


def delete_lines(connection: duckdb.DuckDBPyConnection, file_ids: Sequence[str]) -> None:
    """Take a file's lines, and what was found in them, out of the database (its row in session_files stays)."""
    if file_ids:
        ids = list(file_ids)
        connection.execute("delete from raw.session_lines where file_id in (select unnest(?))", [ids])
        connection.execute("delete from raw.redactions where file_id in (select unnest(?))", [ids])
        connection.execute("delete from raw.parse_errors where file_id in (select unnest(?))", [ids])


def replace_file_rows(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[FileRow], run_id: str, loaded_at: datetime
) -> None:
    """Write the rows of `session_files`, in the place of those with the same file_id."""
    connection.execute(
        "delete from raw.session_files where file_id in (select unnest(?))", [[row.file_id for row in rows]]
    )
    columns = {name: [getattr(row, name) for row in rows] for name in FILE_SCHEMA.names}
    insert(connection, "session_files", pa.table(columns, schema=FILE_SCHEMA), run_id, loaded_at)


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, run_id: str, loaded_at: datetime) -> None:
    """Append `rows` to `raw.<table>` by column name, with the run and the time in every row."""
    if not rows.num_rows:
        return
    connection.register("landing_rows", rows)
    try:
        connection.execute(
            f"insert into raw.{table} by name select *, ? as run_id, ? as loaded_at from landing_rows",
            [run_id, loaded_at],
        )
    finally:
        connection.unregister("landing_rows")


def table_of(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """An Arrow table of rows in the order of the schema's columns."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(list(values), kind.type) for values, kind in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)
