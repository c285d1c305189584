"""Snapshots without what is forgotten: the one thing that changes them, noted where they are noted.

A table is written anew where it has rows that go, file by file; then the snapshot's manifest and README, and last the
entry in CHANGELOG.md. Each of these can be done twice. Numbers that were summed up before stay as they were.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import duckdb

from ingest.cold.changelog import note_change
from ingest.cold.marts import chosen_roots
from ingest.cold.places import sql_pattern
from ingest.cold.relations import store_relation
from ingest.cold.snapshots import MANIFEST, Snapshot, SnapshotFile, describe_snapshot, read_snapshot, snapshot_path
from ingest.cold.writing import written_aside
from ingest.database import storage_errors
from ingest.errors import IngestError
from ingest.files import disk_errors, durable_replace, printable
from ingest.forgetting.built import condition_of, parameters_of, remaining_rows
from ingest.forgetting.journal import Forgetting
from ingest.paths import DataDir

_SEEDS = "seeds/"
NOTE = "rows of what was forgotten were taken out"


def snapshot_versions(data: DataDir) -> list[str]:
    """Every snapshot that there is, by its directory."""
    found = sorted(path.parent.name for path in data.archived.glob(f"*/{MANIFEST}"))
    return [version for version in found if version.startswith("v")]


def find_in_snapshots(data: DataDir, forgetting: Forgetting) -> dict[str, int]:
    """How many rows of it each snapshot has that has any. Raises IngestError for one that cannot be read."""
    with storage_errors(data.archived), duckdb.connect() as connection, chosen_roots(connection, forgetting.roots):
        snapshots = [read_snapshot(data, version)[0] for version in snapshot_versions(data)]
        rows = {snapshot.version: _count(connection, data, snapshot, forgetting) for snapshot in snapshots}
    return {version: count for version, count in rows.items() if count}


def forget_in_snapshots(data: DataDir, forgetting: Forgetting) -> None:
    """Take the rows out of the snapshots that the journal names. Raises IngestError where the disk refuses."""
    with storage_errors(data.archived), duckdb.connect() as connection:
        connection.execute("set threads = 1")  # so that row groups do not depend on the machine
        with chosen_roots(connection, forgetting.roots):
            for version in forgetting.snapshots or ():
                _renew(connection, data, read_snapshot(data, version)[0], forgetting)


def _count(connection: duckdb.DuckDBPyConnection, data: DataDir, snapshot: Snapshot, forgetting: Forgetting) -> int:
    rows = 0
    for file in snapshot.files:
        condition = condition_of(file.table, _names(file), forgetting)
        if file.path.startswith(_SEEDS) or condition in ("true", "false"):
            continue
        query = f"select count(*) from {_relation(data, snapshot, file)} where {condition}"
        rows += int(connection.execute(query, parameters_of(condition, forgetting)).fetchall()[0][0])
    return rows


def _renew(connection: duckdb.DuckDBPyConnection, data: DataDir, snapshot: Snapshot, forgetting: Forgetting) -> None:
    root = snapshot_path(data, snapshot.version)
    files = []
    with written_aside(data) as scratch:
        for file in snapshot.files:
            names_sessions = any(name.endswith("session_id") for name in _names(file))
            is_kept = condition_of(file.table, _names(file), forgetting) == "false" and not names_sessions
            if is_kept or file.path.startswith(_SEEDS):
                files.append(file)
                continue
            relation = _relation(data, snapshot, file)
            query, values = remaining_rows(relation, file.table, _names(file), forgetting)
            connection.execute(f"create or replace temp table remaining as {query}", values)
            stored = store_relation(connection, scratch, file.path, "remaining")
            with disk_errors(root / file.path):
                durable_replace(scratch / file.path, root / file.path)
            files.append(replace(file, rows=stored.rows, bytes=stored.bytes, sha256=stored.sha256))
        shutil.rmtree(scratch)
    renewed = replace(snapshot, files=tuple(files))
    note_change(data, snapshot.version, describe_snapshot(root, renewed), NOTE)


def _relation(data: DataDir, snapshot: Snapshot, file: SnapshotFile) -> str:
    path = snapshot_path(data, snapshot.version) / file.path
    if path.is_symlink() or not path.is_file():
        raise IngestError(f"{printable(str(path))} is missing: restore it from a backup, or delete the snapshot.")
    return f"read_parquet({sql_pattern(path)}, hive_partitioning = false)"


def _names(file: SnapshotFile) -> list[str]:
    return [str(column["name"]) for column in file.columns]
