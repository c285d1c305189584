"""A named state of the published marts and seeds as Parquet in `data/archived/<version>/`, to cite and to compare with.

It is made of `data/marts.db`, which is what passed its gates and names no place of this machine. The same rows give the
same bytes: one thread, all columns as the order.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from ingest import __version__
from ingest.below import open_below
from ingest.cold.changelog import add_entry, has_entry
from ingest.cold.journal import finish
from ingest.cold.relations import store_relation
from ingest.cold.writing import written_aside
from ingest.database import opened_read_only, quoted
from ingest.errors import IngestError
from ingest.files import disk_errors, fsync_directory, printable, write_atomically
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.progress import Progress
from ingest.registry import SCHEMA_VERSION
from ingest.runlog import new_run_id, now, step
from ingest.versions.database import current_version

MANIFEST = "manifest.json"
README = "README.md"
SNAPSHOT_VERSION = 1
# Which directory the tables of a schema go to.
DIRECTORIES = {"main": "marts", "reference": "seeds"}
STATE_TABLE = "publish_state"

_VERSION = re.compile(r"v[0-9]{1,6}(\.[0-9]{1,6}){0,3}(-[a-z0-9]+([.-][a-z0-9]+)*)?")
_MAX_NAME = 60


@dataclass(frozen=True)
class SnapshotFile:
    """One table as a file, below the snapshot. `columns` have name, type and description."""

    path: str
    table: str
    description: str | None
    rows: int
    bytes: int
    sha256: str
    columns: tuple[dict[str, str | None], ...]


@dataclass(frozen=True)
class Snapshot:
    """What `manifest.json` says. `published` is the row of `publish_state` that the marts were published with."""

    version: str
    made_at: str
    ope_version: str
    schema_versions: dict[str, Any]
    duckdb_version: str
    published: dict[str, Any]
    is_last_build: bool
    files: tuple[SnapshotFile, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def snapshot_path(data: DataDir, version: str) -> Path:
    """Where a snapshot lies. Raises IngestError for a version that cannot be a name."""
    if len(version) > _MAX_NAME or not _VERSION.fullmatch(version):
        raise IngestError(f"{printable(version)!r} is no version of a snapshot: give one such as v1.0 or v1.1-draft.")
    return data.archived / version


def plan_snapshot(data: DataDir, version: str) -> list[tuple[str, int]]:
    """The files that a snapshot would have, with their rows. Raises IngestError as `make_snapshot`."""
    _refuse_existing(data, version)
    with opened_read_only(published_database(data)) as connection:
        return [
            (f"{DIRECTORIES[schema]}/{table}.parquet", _count(connection, f"{quoted(schema)}.{quoted(table)}"))
            for schema, table, _ in published_tables(connection)
        ]


def make_snapshot(data: DataDir, version: str, progress: Progress | None = None) -> Snapshot:
    """Write the snapshot, read every table back, and note it in `data/CHANGELOG.md`.

    One that is there but not in the changelog (its run was killed) is only noted. Raises IngestError where the version
    exists, nothing is published, the disk refuses, or a table reads back differently; there is no snapshot then.
    """
    target = snapshot_path(data, version)
    with data_lock(data, "snapshot"):
        if target.is_dir() and not has_entry(data, version):
            snapshot, digest = read_snapshot(data, version)
            add_entry(data, snapshot, digest)
            return snapshot
        _refuse_existing(data, version)
        finish(data)
        with step(data, new_run_id(), "snapshot") as counts, written_aside(data) as aside:
            root = aside / version
            snapshot = _write(data, root, version, progress)
            digest = describe_snapshot(root, snapshot)
            with disk_errors(target):
                os.rename(root, target)  # noqa: PTH104  (Path.rename would do the same)
                fsync_directory(data.archived)
                aside.rmdir()
            add_entry(data, snapshot, digest)
            counts.update(files=len(snapshot.files), rows=snapshot.rows, bytes=snapshot.bytes)
    return snapshot


def describe_snapshot(root: Path, snapshot: Snapshot) -> str:
    """Write README and, last, the manifest of the snapshot at `root`; the manifest's SHA-256. Raises IngestError."""
    content = orjson.dumps(
        {"snapshot_version": SNAPSHOT_VERSION, **asdict(snapshot)},
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        default=str,
    )
    write_atomically(root / README, readme(snapshot).encode())
    write_atomically(root / MANIFEST, content)
    return hashlib.sha256(content).hexdigest()


def read_snapshot(data: DataDir, version: str) -> tuple[Snapshot, str]:
    """A snapshot's manifest and its SHA-256. Raises IngestError where there is none or it cannot be read."""
    path = snapshot_path(data, version)
    try:
        descriptor, _ = open_below(data.archived, f"{version}/{MANIFEST}")
        with os.fdopen(descriptor, "rb") as file:
            content = file.read()
        document = orjson.loads(content)
        if document.pop("snapshot_version") != SNAPSHOT_VERSION:
            raise ValueError("another version of its form")
        files = tuple(SnapshotFile(**{**one, "columns": tuple(one["columns"])}) for one in document.pop("files"))
        return Snapshot(**document, files=files), hashlib.sha256(content).hexdigest()
    except FileNotFoundError as error:
        raise IngestError(
            f"There is no snapshot {path}: make it with `python -m ingest snapshot {version}`."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IngestError(f"{path / MANIFEST} cannot be read ({error}): restore it from a backup.") from error


def _refuse_existing(data: DataDir, version: str) -> None:
    if os.path.lexists(snapshot_path(data, version)):
        raise IngestError(f"The snapshot {version} exists already and is never changed: choose another version.")


def published_database(data: DataDir) -> Path:
    """`marts.db`. Raises IngestError where nothing was published."""
    if not data.published.exists():
        raise IngestError(
            f"Nothing is published in {data.published} yet, and only that is exported: run `python -m ingest publish`."
        )
    return data.published


def _write(data: DataDir, root: Path, version: str, progress: Progress | None) -> Snapshot:
    with opened_read_only(published_database(data)) as connection:
        connection.execute("set threads = 1")  # so that row groups do not depend on the machine
        tables = published_tables(connection)
        files = []
        for done, (schema, table, description) in enumerate(tables, start=1):
            files.append(_write_table(connection, root, schema, table, description))
            if progress:
                progress(f"snapshot {version}", done, len(tables))
        versions = {"registry": SCHEMA_VERSION, "warehouse": current_version(), **_taxonomies(connection)}
        state = connection.execute(f"select * from main.{STATE_TABLE}")
        published = dict(zip((column[0] for column in state.description), state.fetchall()[0], strict=True))
    return Snapshot(
        version=version,
        made_at=f"{now():%Y-%m-%dT%H:%M:%SZ}",
        ope_version=__version__,
        schema_versions=versions,
        duckdb_version=duckdb.__version__,
        published=published,
        is_last_build=_is_last_build(data, published.get("built_at")),
        files=tuple(files),
    )


def published_tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str | None]]:
    """Schema, name and description of every published table, in order."""
    rows = connection.execute(
        "select schema_name, table_name, comment from duckdb_tables() "
        "where schema_name in (select unnest($schemas)) and table_name != $state order by all",
        {"schemas": list(DIRECTORIES), "state": STATE_TABLE},
    ).fetchall()
    for _, table, _ in rows:
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", table):
            raise IngestError(
                f"The published table {printable(table)!r} cannot be the name of a file: give the mart another name."
            )
    return rows


def _write_table(
    connection: duckdb.DuckDBPyConnection, root: Path, schema: str, table: str, description: str | None
) -> SnapshotFile:
    name = f"{quoted(schema)}.{quoted(table)}"
    file = store_relation(connection, root, f"{DIRECTORIES[schema]}/{table}.parquet", name)
    columns = connection.execute(
        "select column_name as name, data_type as type, comment as description from duckdb_columns() "
        "where schema_name = $schema and table_name = $table order by column_index",
        {"schema": schema, "table": table},
    ).fetchall()
    described = tuple(dict(zip(("name", "type", "description"), column, strict=True)) for column in columns)
    return SnapshotFile(file.path, table, description, file.rows, file.bytes, file.sha256, described)


def _taxonomies(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The version of each taxonomy, by the seed that says it."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_columns() where column_name = 'taxonomy_version' "
        "and schema_name = 'reference' and table_name like '%taxonomy' order by all"
    ).fetchall()
    found = {}
    for schema, table in tables:
        rows = connection.execute(f"select max(taxonomy_version) from {quoted(schema)}.{quoted(table)}").fetchall()
        found[table] = str(rows[0][0])
    return found


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"select count(*) from {relation}").fetchall()[0][0])


def _is_last_build(data: DataDir, built_at: datetime | None) -> bool:
    """Is what was published what was built last? Where the warehouse cannot tell, it is not known to be."""
    if not data.database.exists() or built_at is None:
        return False
    try:
        with opened_read_only(data.database) as connection:
            rows = connection.execute("select max(ended_at) from audit.invocations").fetchall()
    except (IngestError, duckdb.Error):
        return False
    return bool(rows[0][0] == built_at)


def readme(snapshot: Snapshot) -> str:
    """What somebody needs who has only this directory."""
    parts = [
        f"# Snapshot {snapshot.version}\n",
        f"Marts and seeds of OPE {snapshot.ope_version}, made {snapshot.made_at} of what was published "
        f"{snapshot.published.get('published_at')} (UTC). `{MANIFEST}` has rows, bytes and SHA-256 of every file. "
        "Sessions in cold storage are not in it.\n",
        "    select * from 'marts/sessions.parquet'\n",
    ]
    for file in snapshot.files:
        parts.append(f"## {file.path}\n")
        parts.append(f"{_one_line(file.description) or 'No description.'} {file.rows:,} rows.\n")
        rows = [f"| `{c['name']}` | {_cell(c['type'])} | {_cell(c['description'])} |" for c in file.columns]
        parts.append("\n".join(["| column | type | |", "| --- | --- | --- |", *rows]) + "\n")
    return "\n".join(parts)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str | None) -> str:
    return _one_line(text).replace("|", "\\|")
