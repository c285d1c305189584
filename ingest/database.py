"""`data/ope.db`: opening it, creating schema `raw` in it or bringing it up to date, and saying in one sentence why that
failed.

The schema's one definition is `macros/raw_schema.sql`, which dbt runs too; `ingest.versions` has the steps to it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import duckdb

from ingest.errors import IngestError
from ingest.files import make_private_directory
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.runlog import new_run_id, step
from ingest.settings import setting
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

# The catalog name of `data/ope.db`, which views in it use.
WAREHOUSE = "ope"

LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 0.5
_LOCK_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)|PID (?P<other>\d+)")
T = TypeVar("T")
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

    A file of an earlier version is brought up to date; the steps are added to `steps_done`. Waits
    `database_wait_seconds` for another program that has it open. Raises IngestError when it still has, and when the
    file is no database, was made by a newer program, or cannot be written.
    """
    with storage_errors(data.database):
        make_private_directory(data.root)
        connection = patiently(lambda: _connect_private(data.database), data.database)
        try:
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


def _connect_private(path: Path) -> duckdb.DuckDBPyConnection:
    # The file must never be readable by others, not even between its creation and a chmod.
    previous = os.umask(0o077)
    try:
        connection = duckdb.connect(str(path), config=CONFIG)
    finally:
        os.umask(previous)
    path.chmod(0o600)
    connection.execute("set timezone = 'UTC'")
    return connection


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
def created(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new, private database at `path`; whole, without a log beside it, when the block ends well."""
    with storage_errors(path):
        connection = _connect_private(path)
        try:
            catalog = connection.execute("select current_database()").fetchall()[0][0]
            yield connection
            # Closing would do the same, but where the disk is full it says nothing and leaves half in the log.
            connection.execute(f"checkpoint {quoted(catalog)}")
        finally:
            connection.close()
    if path.with_name(path.name + ".wal").exists():
        raise IngestError(f"{path} could not be written to its end: check the disk and run the same command again.")


def discard(path: Path) -> None:
    """Delete an unfinished database with its log. What the disk refuses to delete goes with the next command."""
    for left in (path, path.with_name(path.name + ".wal")):
        with suppress(OSError):
            left.unlink()


def attach_warehouse(connection: duckdb.DuckDBPyConnection, data: DataDir) -> None:
    """Attach `data/ope.db` for reading, as `ope`. Waits and fails as `connect`; an older file is read as it is."""
    statement = f"attach {literal(str(data.database))} as {WAREHOUSE} (read_only)"
    with storage_errors(data.database):
        patiently(lambda: connection.execute(statement), data.database)
    refuse_newer(connection, data.database, WAREHOUSE)


def patiently(attempt: Callable[[], T], path: Path) -> T:
    """What `attempt` returns, tried again while another program holds `path`, for `database_wait_seconds` at most."""
    seconds = float(setting("database_wait_seconds"))
    deadline = time.monotonic() + seconds
    has_said = False
    while True:
        try:
            return attempt()
        except duckdb.IOException as error:
            if not _is_held(str(error)) or time.monotonic() >= deadline:
                raise
            if not has_said:
                LOG.warning("%s is in use by %s: waiting for up to %.0f seconds.", path, _holder(str(error)), seconds)
                has_said = True
            time.sleep(_RETRY_SECONDS)


def literal(text: str) -> str:
    """The text as a literal of SQL, for statements that take no parameters (`attach`, `comment on`)."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """The name of a schema, table or column in SQL."""
    return '"' + name.replace('"', '""') + '"'


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
    if _is_held(message):
        return (
            f"The database {path} is in use by {_holder(message)}: close that program and run the same command again."
        )
    if "not a valid duckdb database" in lowered or "database file with version number" in lowered:
        return (
            f"{path} is not a database that this version of DuckDB can read: move it away and run "
            "`python -m ingest sync`, which fills a new one from the archive."
        )
    if "could not read enough bytes" in lowered or "corrupt database file" in lowered:
        return (
            f"The database {path} is damaged: move it away and run `python -m ingest sync` and `dbt build`, which fill "
            "a new one from the archive."
        )
    if "no space left" in lowered or "quota" in lowered:
        return _disk_full(path)
    first_line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    return (
        f"The database {path} could not be read or written ({first_line[:300]}): nothing of the unfinished step was "
        "kept; put that right and run the same command again."
    )


def _is_held(message: str) -> bool:
    return "could not set lock" in message.lower() or "conflicting lock" in message.lower()


def _holder(message: str) -> str:
    """Who has the file open, by DuckDB's message: `process 123 (python3.11)`."""
    found = _LOCK_HOLDER.search(message)
    if not found:
        return "another process"
    program = f" ({Path(found['program']).name})" if found["program"] else ""
    return f"process {found['pid'] or found['other']}{program}"


def _disk_full(path: Path) -> str:
    return (
        f"No space left to write {path}: nothing of the unfinished step was kept; free some space and run the same "
        "command again."
    )
