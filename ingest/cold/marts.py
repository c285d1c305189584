"""The rows of sessions in the marts as Parquet, so that they can be asked for while their sessions are cold."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.below import hash_below
from ingest.cold.part import ParquetFile
from ingest.cold.places import make_durable, sql_pattern
from ingest.database import literal
from ingest.errors import IngestError
from ingest.files import disk_errors, make_private_directory

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
# How the root session of a row is found, by the column that a mart has; the first that it has counts.
ROOTS = {"root_session_id": "root_session_id", "session_id": "split_part(session_id, '/', 1)"}


@dataclass(frozen=True)
class SessionMart:
    """A mart whose rows belong to sessions. `root` is the expression for the root session of a row."""

    name: str
    root: str
    has_project: bool


@dataclass(frozen=True)
class MartRows:
    """Where rows of a mart come from: any relation. `project_id` is given where the relation has no such column."""

    mart: str
    relation: str
    root: str
    project_id: str | None


def session_marts(connection: duckdb.DuckDBPyConnection) -> list[SessionMart]:
    """The marts with rows of sessions, in order; those of commits and projects alone have none to move."""
    rows = connection.execute(
        "select table_name, list(column_name) from duckdb_columns() "
        "where schema_name = 'main' and database_name = current_database() group by table_name order by table_name"
    ).fetchall()
    made = _made_by_models(connection)
    found = []
    for name, columns in rows:
        if made and name not in made:
            continue  # of an earlier version: nothing builds it any more
        root = next((expression for column, expression in ROOTS.items() if column in columns), None)
        if root and _NAME.fullmatch(name):
            found.append(SessionMart(name, root, "project_id" in columns))
    return found


def _made_by_models(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Names of the marts that the project has now; empty where the warehouse does not know its models."""
    try:
        rows = connection.execute(
            "select relation_name from audit.nodes where node_type = 'model' and file_path like 'models/marts/%'"
        ).fetchall()
    except duckdb.CatalogException:
        return set()
    return {row[0] for row in rows}


@contextmanager
def chosen_roots(connection: duckdb.DuckDBPyConnection, roots: Collection[str]) -> Iterator[None]:
    """Inside, `chosen_roots` is a relation of these root sessions."""
    connection.register("chosen_roots", pa.table({"root_session_id": pa.array(sorted(roots), pa.string())}))
    try:
        yield
    finally:
        connection.unregister("chosen_roots")


def write_marts(
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    sources: Sequence[MartRows],
    place: Callable[[str, str], str],
) -> list[ParquetFile]:
    """Write the rows of `chosen_roots`, by mart and project, to `scratch/<place of mart and project>`.

    Each file is read back and compared. Raises IngestError where the disk refuses or a row differs.
    """
    written = []
    for source in sources:
        rows = f"from {source.relation} where {source.root} in (select root_session_id from chosen_roots)"
        owners = [source.project_id]
        if source.project_id is None:
            found = connection.execute(f"select distinct project_id {rows} order by 1").fetchall()
            owners = [project_id for (project_id,) in found]
        for owner in owners:
            is_own = "" if source.project_id else " and project_id is not distinct from $project"
            values = {} if source.project_id else {"project": owner}
            connection.execute(f"create or replace temp table moved_rows as select * {rows}{is_own}", values)
            file = _write(connection, scratch, place(source.mart, owner))
            if file.rows:
                written.append(replace(file, mart=source.mart, project_id=owner))
    return written


def _write(connection: duckdb.DuckDBPyConnection, scratch: Path, place: str) -> ParquetFile:
    """The relation `moved_rows` as a file; none where it has no rows."""
    wanted = content_hash(connection, "moved_rows")
    if not wanted[0]:
        return ParquetFile(place, 0, 0, "")
    target = scratch / place
    with disk_errors(target):
        make_private_directory(target.parent)
    connection.execute(
        f"copy (select * from moved_rows order by all) to {literal(str(target))} (format parquet, compression zstd)"
    )
    make_durable(target)
    if wanted != content_hash(connection, f"read_parquet({sql_pattern(target)}, hive_partitioning = false)"):
        raise IngestError(f"{place} reads back with other rows than were written: nothing was moved.")
    size, digest = hash_below(scratch, place)
    return ParquetFile(place, wanted[0], size, digest)


def content_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, int]:
    """Rows of a relation, and a hash of its content that does not depend on their order."""
    rows = connection.execute(
        f"select count(*), coalesce(sum(cast(hash(whole) as hugeint)), 0) from (select * from {relation}) as whole"
    ).fetchall()
    return int(rows[0][0]), int(rows[0][1])
