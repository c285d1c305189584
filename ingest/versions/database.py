"""Versions of schema `raw` in `data/ope.db`: which one a file has, and the steps from there to this program's.

A step is `steps/<number>_<what it does>.sql`; it runs in one transaction with its row in `raw.schema_versions`, so that
a kill leaves a whole version. Tables that are new need no step: the definition in `macros/raw_schema.sql` makes what is
missing. No step may lose a row: a table that has fewer afterwards undoes it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from ingest import __version__
from ingest.errors import IngestError
from ingest.files import printable
from ingest.paths import PRODUCT_ROOT

RAW_SCHEMA = PRODUCT_ROOT / "macros" / "raw_schema.sql"
STEPS = Path(__file__).with_name("steps")
TABLE = "raw.schema_versions"
# Of a file that says no version itself, what its tables tell.
FOUND = "found"

_STEP_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True)
class Step:
    """The way from version `version - 1` to `version`."""

    version: int
    name: str
    sql: str


@dataclass(frozen=True)
class StepDone:
    """A step that was run, or would be: how long it took, in seconds (0 where it was not run)."""

    version: int
    name: str
    seconds: float


@cache
def _macros() -> Any:
    source = RAW_SCHEMA.read_text(encoding="utf-8")
    return jinja2.Environment(autoescape=False).from_string(source).module  # noqa: S701


def raw_schema_ddl() -> str:
    """The statements that create schema `raw`, rendered from the macro that dbt uses."""
    return str(_macros().create_raw_schema())


def current_version() -> int:
    """The version that this program reads and writes."""
    return int(str(_macros().raw_schema_version()))


def ope_version() -> str:
    """The version of this program, as a database that dbt makes has it."""
    return str(_macros().ope_version())


@cache
def read_steps() -> tuple[Step, ...]:
    """All steps, in the order of their versions."""
    steps = []
    for path in sorted(STEPS.glob("*.sql")):
        match = _STEP_NAME.fullmatch(path.name)
        if match:
            steps.append(Step(int(match[1]), match[2].replace("_", " "), path.read_text(encoding="utf-8")))
    return tuple(steps)


def found_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The version of an open database; None where schema `raw` holds nothing yet. One query, unless it says none."""
    stated = _stated_version(connection, TABLE)
    return _version_by_tables(connection) if stated is None else stated


def _stated_version(connection: duckdb.DuckDBPyConnection, table: str) -> int | None:
    with suppress(duckdb.CatalogException):
        [(version,)] = connection.execute(f"select max(version) from {table}").fetchall()
        return None if version is None else int(version)
    return None


def _version_by_tables(connection: duckdb.DuckDBPyConnection) -> int | None:
    """What the columns tell of a file that was made before versions were written down."""
    rows = connection.execute(
        "select table_schema || '.' || table_name, column_name, is_nullable from information_schema.columns "
        "where table_catalog = current_database() and table_schema in ('raw', 'audit')"
    ).fetchall()
    nullable = {(table, column): flag == "YES" for table, column, flag in rows}
    tables = {table for table, _ in nullable}
    if not any(table.startswith("raw.") and table != TABLE for table in tables):
        return None
    # A later program that opened the file added the column without its constraint.
    if nullable.get(("raw.labels", "label_set"), True):
        return 1
    if "raw.reflog" not in tables or ("audit.ledger", "root_session_id") in nullable:
        return 2
    return 3


def pending_steps(version: int | None, steps: Sequence[Step] | None = None) -> list[Step]:
    """The steps that a database of `version` still has to take; none for one that is empty."""
    return [] if version is None else [step for step in steps or read_steps() if step.version > version]


def refuse_newer(connection: duckdb.DuckDBPyConnection, path: Path, catalog: str = "") -> int | None:
    """The version of an open database, `catalog` where it is attached (None there, where it says none).

    Raises IngestError for one that a newer program has made.
    """
    version = _stated_version(connection, f"{catalog}.{TABLE}") if catalog else found_version(connection)
    if version is not None and version > current_version():
        raise IngestError(
            f"The database {printable(str(path))} has version {version}, and this program knows versions up to "
            f"{current_version()}: update the program, or move the file away and run `python -m ingest sync`, which "
            "fills a new one from the archive; nothing was written."
        )
    return version


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, version: int | None, steps: Sequence[Step] | None = None
) -> list[StepDone]:
    """Run the steps that a database of `version` lacks. Raises IngestError for one that fails or would lose a row;
    the database then has the version of the step before."""
    done = []
    for step in pending_steps(version, steps):
        started = time.monotonic()
        connection.execute("begin transaction")
        try:
            _run(connection, step, version if not done else None)
        except BaseException as error:
            with suppress(duckdb.Error):
                connection.execute("rollback")
            if isinstance(error, duckdb.Error) and not isinstance(error, duckdb.IOException):
                reason = str(error).splitlines()[0][:300]
                raise IngestError(
                    f"The step to version {step.version} ({step.name}) failed ({reason}), and the database is as it "
                    "was before it: move the file away and run `python -m ingest sync`, which fills a new one from "
                    "the archive."
                ) from error
            raise
        connection.execute("commit")
        done.append(StepDone(step.version, step.name, time.monotonic() - started))
    return done


def remember_found(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Write down the version of a file that said none. To be called in a transaction or on its own."""
    connection.execute(
        f"create table if not exists {TABLE} (version integer not null, name varchar not null, "
        "ope_version varchar not null, applied_at timestamp not null)"
    )
    connection.execute(
        f"insert into {TABLE} select ?, ?, ?, cast(now() at time zone 'UTC' as timestamp) "
        f"where not exists (select 1 from {TABLE} where version >= ?)",
        [version, FOUND, __version__, version],
    )


def _run(connection: duckdb.DuckDBPyConnection, step: Step, found: int | None) -> None:
    if found is not None:
        remember_found(connection, found)
    before = _row_counts(connection)
    connection.execute(step.sql)
    after = _row_counts(connection)
    for table, rows in before.items():
        if after.get(table, 0) < rows:
            raise IngestError(
                f"The step to version {step.version} ({step.name}) would leave {after.get(table, 0)} of {rows} rows in "
                f"{table}: nothing was changed; report this, with the version that made the file."
            )
    connection.execute(
        f"insert into {TABLE} values (?, ?, ?, cast(now() at time zone 'UTC' as timestamp))",
        [step.version, step.name, __version__],
    )


def _row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every table of schema `raw`: DuckDB knows them without reading one."""
    tables = connection.execute(
        "select table_name from information_schema.tables where table_catalog = current_database() "
        "and table_schema = 'raw' and table_type = 'BASE TABLE' order by 1"
    ).fetchall()
    return {
        f"raw.{name}": connection.execute(f'select count(*) from raw."{name}"').fetchall()[0][0] for (name,) in tables
    }
