"""A relation as a Parquet file that was read back: what snapshots, cold storage and shared exports have in common."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ingest.below import hash_below
from ingest.cold.part import ParquetFile
from ingest.cold.places import make_durable, sql_pattern
from ingest.database import literal
from ingest.errors import IngestError
from ingest.files import disk_errors, fsync_directory, make_private_directory


def store_relation(connection: duckdb.DuckDBPyConnection, root: Path, place: str, relation: str) -> ParquetFile:
    """Write all rows of a relation, in the order of all columns, to `root/place`; read them back and compare.

    On one thread the same rows give the same bytes. Raises IngestError where the disk refuses or a row differs.
    """
    target = root / place
    with disk_errors(target):
        make_private_directory(target.parent)
    connection.execute(
        f"copy (select * from {relation} order by all) to {literal(str(target))} (format parquet, compression zstd)"
    )
    make_durable(target)
    fsync_directory(target.parent)
    wanted = content_hash(connection, relation)
    if content_hash(connection, f"read_parquet({sql_pattern(target)}, hive_partitioning = false)") != wanted:
        raise IngestError(f"{place} reads back with other rows than were written: nothing was kept of it.")
    size, digest = hash_below(root, place)
    return ParquetFile(place, wanted[0], size, digest)


def content_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, int]:
    """Rows of a relation, and a hash of its content that does not depend on their order."""
    rows = connection.execute(
        f"select count(*), coalesce(sum(cast(hash(whole) as hugeint)), 0) from (select * from {relation}) as whole"
    ).fetchall()
    return int(rows[0][0]), int(rows[0][1])
