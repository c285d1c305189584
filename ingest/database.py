"""`data/ope.db`: opening it, creating schema `raw` in it or bringing it up to date, and saying in one sentence why that
failed.

The schema's one definition is `macros/raw_schema.sql`, which dbt runs too; `ingest.versions` has the steps to it.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingest.errors import IngestError
from ingest.files import make_private_directory
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.runlog import new_run_id, step
from ingest.versions.database import (
    StepDone,
    bring_up_to_date,
    current_version,
    pending_steps,
    raw_schema_ddl,
    refuse_newer,
)

# Without it DuckDB writes an older format, in which `using compression zstd` is silently ignored.
CONFIG = {"storage_compatibility_version": "v1.5.0"}

_LOCK_HOLDER = re.compile(r"PID (\d+)")
# What DuckDB raises when the file, the disk or the memory is the matter, not the statement.
_STORAGE_ERRORS = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.FatalException,
    duckdb.OutOfMemoryException,
    # A commit that could not be written. Conflicts cannot happen: there is one connection.
    duckdb.TransactionException,
)


def connect(data: DataDir, steps_done: list[StepDone] | None = None) -> duckdb.DuckDBPyConnection:
    """Open `data/ope.db` for writing, mode 0600, with schema `raw` of this version in it; make both where missing.

    A file of an earlier version is brought up to date; the steps are added to `steps_done`. Raises IngestError when the
    file is locked, is no database, was made by a newer program, or cannot be written.
    """
    with storage_errors(data.database):
        make_private_directory(data.root)
        # The file must never be readable by others, not even between its creation and a chmod.
        previous = os.umask(0o077)
        try:
            connection = duckdb.connect(str(data.database), config=CONFIG)
        finally:
            os.umask(previous)
        try:
            data.database.chmod(0o600)
            connection.execute("set timezone = 'UTC'")
            _migrate(connection, data, [] if steps_done is None else steps_done)
            connection.execute(raw_schema_ddl())
        except BaseException:
            connection.close()
            raise
    return connection


def _migrate(connection: duckdb.DuckDBPyConnection, data: DataDir, steps_done: list[StepDone]) -> None:
    """Nothing but one query, where the database is of this version."""
    version = refuse_newer(connection, data.database)
    if not pending_steps(version):
        return
    with data_lock(data, "migrate"), step(data, new_run_id(), "migrate") as counts:
        steps_done += bring_up_to_date(connection, version)
        counts.update(from_version=version, to_version=current_version(), steps=len(steps_done))


@contextmanager
def opened(data: DataDir) -> Iterator[duckdb.DuckDBPyConnection]:
    """`connect`, closed at the end, with failures of the storage inside the block as IngestError."""
    connection = connect(data)
    with storage_errors(data.database):
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def opened_read_only(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to an existing database. Raises IngestError when it is missing, locked or damaged, or made
    by a newer program."""
    if not path.exists():
        raise IngestError(f"There is no database {path} yet: run `python -m ingest sync` to make it.")
    with storage_errors(path):
        connection = duckdb.connect(str(path), read_only=True)
        try:
            refuse_newer(connection, path)
            yield connection
        finally:
            connection.close()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing: commit at the end, roll back whatever the block raised."""
    connection.execute("begin transaction")
    try:
        yield
    except BaseException:
        # After a fatal storage error the connection takes no statement; the file is rolled back when it is next opened.
        try:
            connection.execute("rollback")
        except duckdb.Error:
            pass
        raise
    connection.execute("commit")


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a failure of file, disk or memory into one sentence; let every other error through."""
    try:
        yield
    except _STORAGE_ERRORS as error:
        raise IngestError(_sentence(path, str(error))) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise IngestError(_disk_full(path)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            where = error.filename or path
            raise IngestError(
                f"{where} cannot be read or written ({error.strerror}): change its permissions."
            ) from error
        raise


def _sentence(path: Path, message: str) -> str:
    lowered = message.lower()
    if "could not set lock" in lowered or "conflicting lock" in lowered:
        holder = _LOCK_HOLDER.search(message)
        who = f"process {holder[1]}" if holder else "another process"
        return f"The database {path} is in use by {who}: close that program and run the same command again."
    if "not a valid duckdb database" in lowered or "database file with version number" in lowered:
        return (
            f"{path} is not a database that this version of DuckDB can read: move it away and run "
            "`python -m ingest sync`, which fills a new one from the archive."
        )
    if "no space left" in lowered or "quota" in lowered:
        return _disk_full(path)
    first_line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    return (
        f"The database {path} could not be read or written ({first_line[:300]}): nothing of the unfinished step was "
        "kept; put that right and run the same command again."
    )


def _disk_full(path: Path) -> str:
    return (
        f"No space left to write {path}: nothing of the unfinished step was kept; free some space and run the same "
        "command again."
    )
