"""The rows of sessions in the marts as Parquet, so that they can be asked for while their sessions are cold."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.cold.part import ParquetFile
from ingest.cold.relations import store_relation

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
            if connection.execute("select 1 from moved_rows limit 1").fetchall():
                file = store_relation(connection, scratch, place(source.mart, owner), "moved_rows")
                written.append(replace(file, mart=source.mart, project_id=owner))
    return written
