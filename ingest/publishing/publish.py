"""`data/marts.db`: marts and seeds as tables in a file of their own, written beside and swapped in.

A reader that has the old file open keeps it; the next one that opens the path sees the new state. Of the warehouse only
the public tables go out: no raw lines, no views, nothing that needs another file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.database import attach_warehouse, created, discard, opened_read_only, storage_errors, transaction
from ingest.errors import IngestError
from ingest.files import disk_errors, durable_replace, make_private_directory
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.publishing.gates import WithheldError, reasons_to_withhold
from ingest.publishing.tables import Table, copy_tables, write_state
from ingest.runlog import new_run_id, now, step


@dataclass(frozen=True)
class Published:
    """What is in `path` now: tables (without `publish_state`) and rows; its size in bytes, `seconds` that it took."""

    run_id: str
    path: str
    published_at: datetime
    tables: int
    rows: int
    bytes: int
    seconds: float


def publish(data: DataDir, run_id: str | None = None) -> Published:
    """Write `data/marts.db` anew from `data/ope.db`, if nothing speaks against it.

    Raises WithheldError where a gate does, IngestError where the warehouse is missing or held by another program for
    longer than `database_wait_seconds`, or the disk refuses. The old file stays until the new one is whole.
    """
    run = run_id or new_run_id()
    with data_lock(data, "publish"), step(data, run, "publish") as counts:
        published = _publish(data, run)
        counts.update(tables=published.tables, rows=published.rows, bytes=published.bytes)
    return published


def _publish(data: DataDir, run_id: str) -> Published:
    started_at = now()
    if not data.database.exists():
        raise IngestError(f"There is no database {data.database} yet: run `python -m ingest sync`, then `dbt build`.")
    unfinished = data.root / f".marts.db.{run_id}.tmp"
    with disk_errors(unfinished):
        make_private_directory(data.root)
    try:
        tables = _write(data, unfinished, run_id, started_at)
        _verify(unfinished, tables)
        with disk_errors(data.published):
            durable_replace(unfinished, data.published)
            size = data.published.stat().st_size
    except BaseException:
        discard(unfinished)
        raise
    seconds = (now() - started_at).total_seconds()
    rows = sum(table.rows for table in tables)
    return Published(run_id, str(data.published), started_at, len(tables), rows, size, seconds)


def _write(data: DataDir, unfinished: Path, run_id: str, published_at: datetime) -> list[Table]:
    """Fill the new file out of the warehouse, which is only read."""
    with created(unfinished) as connection:
        attach_warehouse(connection, data)
        connection.execute("use ope")
        reasons = reasons_to_withhold(connection)
        if reasons:
            raise WithheldError(reasons)
        with transaction(connection):  # one write to the disk instead of one per comment
            tables = copy_tables(connection, data)
            write_state(connection, tables, run_id, published_at)
    return tables


def _verify(path: Path, tables: list[Table]) -> None:
    """Open the file as a reader will and count: a table that lost rows on the way is never swapped in."""
    with storage_errors(path), opened_read_only(path) as connection:
        for table in tables:
            rows = connection.execute(f"select count(*) from {table.name}").fetchall()[0][0]
            if rows != table.rows:
                raise IngestError(
                    f"{table.name} has {rows:,} rows in the file that was written, but {table.rows:,} in the "
                    "warehouse: nothing was published; check the disk and publish again."
                )
