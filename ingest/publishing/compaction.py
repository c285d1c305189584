"""`data/ope.db` written anew without its free blocks, beside the old file, and swapped in.

Deleting and inserting every night leaves free blocks that DuckDB uses again but never gives back to the disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.database import WAREHOUSE, attach_warehouse, created, opened_read_only, quoted, storage_errors
from ingest.errors import IngestError
from ingest.files import disk_errors, durable_replace
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.runlog import new_run_id, step
from ingest.settings import setting

UNFINISHED = ".compact-*.tmp*"
_LOG = ".wal"


@dataclass(frozen=True)
class Compaction:
    """What there was to do: `free_share` of the blocks was free; sizes of the file in bytes, the same where it was left
    alone."""

    free_share: float
    bytes_before: int
    bytes_after: int

    @property
    def is_done(self) -> bool:
        return self.bytes_after != self.bytes_before


def compact(data: DataDir, run_id: str | None = None, *, min_share: float | None = None) -> Compaction:
    """Write the database anew where more than `min_share` (default: `compact_free_share`) of its blocks are free.

    A file below `compact_min_bytes` is left alone, unless `min_share` is given. Raises IngestError where another
    program has it open, the copy is not equal, or the disk refuses; the old file stays then.
    """
    _remove(data.root.glob(UNFINISHED))
    if not data.database.exists():
        return Compaction(0.0, 0, 0)
    with data_lock(data, "compact"):
        share, size = _free_share(data.database), data.database.stat().st_size
        is_small = min_share is None and size < setting("compact_min_bytes")
        if is_small or share <= (setting("compact_free_share") if min_share is None else min_share):
            return Compaction(share, size, size)
        with step(data, run_id or new_run_id(), "compact") as counts:
            _rewrite(data)
            after = data.database.stat().st_size
            counts.update(bytes_before=size, bytes_after=after, free_share=round(share, 3))
    return Compaction(share, size, after)


def _rewrite(data: DataDir) -> None:
    unfinished = data.root / f".compact-{new_run_id()}.tmp"
    try:
        with created(unfinished) as connection:
            attach_warehouse(connection, data)
            catalogs = connection.execute(
                "select database_name from duckdb_databases() where not internal and database_name != ?", [WAREHOUSE]
            ).fetchall()
            copy = catalogs[0][0]
            with storage_errors(unfinished):
                connection.execute(f"copy from database {WAREHOUSE} to {quoted(copy)}")
            if _rows(connection, WAREHOUSE) != _rows(connection, copy):
                raise IngestError(f"The compacted copy of {data.database} is not equal to it, and was not used.")
        with disk_errors(data.database):
            durable_replace(unfinished, data.database)
    except BaseException:
        _remove([unfinished, unfinished.with_name(unfinished.name + _LOG)])
        raise


def _rows(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    """Rows of every table of a catalog, by schema and name."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? order by all", [catalog]
    ).fetchall()
    counted = " union all ".join(
        f"select '{schema}.{name}', count(*) from {quoted(catalog)}.{quoted(schema)}.{quoted(name)}"
        for schema, name in tables
    )
    return dict(connection.execute(counted).fetchall()) if counted else {}


def _free_share(path: Path) -> float:
    with storage_errors(path), opened_read_only(path) as connection:
        rows = connection.execute("select free_blocks, total_blocks from pragma_database_size()").fetchall()
    free, total = rows[0]
    return free / total if total else 0.0


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()
