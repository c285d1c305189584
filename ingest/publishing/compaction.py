"""`data/ope.db` written anew without its free blocks, beside the old file, and swapped in.

Deleting and inserting every night leaves free blocks that DuckDB uses again but never gives back to the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.database import WAREHOUSE, attach_warehouse, created, discard, opened_read_only, quoted, storage_errors
from ingest.database_tables import count_rows, first_catalog
from ingest.errors import IngestError
from ingest.files import disk_errors, durable_replace
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.runlog import new_run_id, step
from ingest.settings import setting


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


def compact(data: DataDir, run_id: str | None = None) -> Compaction:
    """Write the database anew where more than `compact_free_share` of its blocks are free.

    A file below `compact_min_bytes` is left alone. Raises IngestError where another program has it open, the copy is
    not equal, or the disk refuses; the old file stays then.
    """
    if not data.database.exists():
        return Compaction(0.0, 0, 0)
    with data_lock(data, "compact"):
        share, size = _free_share(data.database), data.database.stat().st_size
        if size < setting("compact_min_bytes") or share <= setting("compact_free_share"):
            return Compaction(share, size, size)
        with step(data, run_id or new_run_id(), "compact") as counts:
            rewrite_database(data)
            after = data.database.stat().st_size
            counts.update(bytes_before=size, bytes_after=after, free_share=round(share, 3))
    return Compaction(share, size, after)


def rewrite_database(data: DataDir) -> None:
    """Write the database anew with what is in it: nothing of deleted rows is in the new file. Raises as `compact`."""
    unfinished = data.root / f".compact-{new_run_id()}.tmp"
    try:
        with created(unfinished) as connection:
            attach_warehouse(connection, data)
            copy = first_catalog(connection)
            with storage_errors(unfinished):
                connection.execute(f"copy from database {WAREHOUSE} to {quoted(copy)}")
            if count_rows(connection, WAREHOUSE) != count_rows(connection, copy):
                raise IngestError(
                    f"The compacted copy of {data.database} is not equal to it and was not used: run `python -m ingest "
                    "doctor`, or delete the file and run sync and `dbt build`."
                )
        with disk_errors(data.database):
            durable_replace(unfinished, data.database)
    except BaseException:
        discard(unfinished)
        raise


def _free_share(path: Path) -> float:
    with storage_errors(path), opened_read_only(path) as connection:
        rows = connection.execute("select free_blocks, total_blocks from pragma_database_size()").fetchall()
    free, total = rows[0]
    return free / total if total else 0.0
