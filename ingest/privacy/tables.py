"""Every text of every table of a DuckDB or Parquet file, as JSON lines: one value a line, column by column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.database import literal, quoted
from ingest.privacy.reading import DUCKDB, UnreadableError
from ingest.redaction.rules import COLUMNS

BATCH_ROWS = 2048
# The rules' own texts: their examples are what the rules must find, and hold no secret (a test of the seed).
RULE_TEXTS = {"match_examples", "no_match_examples", "pattern", "prefilter"}
_HAS_TEXT = re.compile(r"VARCHAR|JSON|ENUM|VARIANT|UNION")
_IS_TEXT = re.compile(r"VARCHAR|JSON|ENUM\(.*\)")


@dataclass(frozen=True)
class Values:
    """Some values of a column: JSON lines, or the bytes themselves of a column of BLOBs."""

    table: str
    column: str
    lines: bytes
    blobs: tuple[bytes, ...]


def table_values(path: Path, kind: str) -> Iterator[Values]:
    """What the tables of a file hold, without its views. Raises UnreadableError; a lock of another program is one."""
    try:
        with duckdb.connect(config={"arrow_large_buffer_size": "true"}) as connection:
            if kind == DUCKDB:
                connection.execute(f"attach {literal(str(path))} as searched (read_only)")
                tables = connection.execute(
                    "select schema_name, table_name from duckdb_tables() where database_name = 'searched' order by all"
                ).fetchall()
                named = [
                    (f"{schema}.{table}", f"searched.{quoted(schema)}.{quoted(table)}") for schema, table in tables
                ]
            else:
                pattern = re.sub(r"([*?\[])", r"[\1]", str(path))
                named = [("", f"read_parquet({literal(pattern)})")]
            for name, source in named:
                yield from _of_table(connection, name, source)
    except (duckdb.Error, pa.ArrowException) as error:
        raise UnreadableError(_reason(error)) from error


def _of_table(connection: duckdb.DuckDBPyConnection, name: str, source: str) -> Iterator[Values]:
    described = connection.execute(f"describe select * from {source}").fetchall()
    left_out = RULE_TEXTS if {column for column, *_ in described} >= set(COLUMNS) else set()
    columns = [
        (column, type_)
        for column, type_, *_ in described
        if (_HAS_TEXT.search(type_) or type_ == "BLOB") and column not in left_out
    ]
    if not columns:
        return
    selected = ", ".join(_expression(quoted(column), type_) for column, type_ in columns)
    reader = connection.execute(f"select {selected} from {source}").to_arrow_reader(BATCH_ROWS)
    for batch in reader:
        for (column, type_), array in zip(columns, batch.columns, strict=True):
            if type_ == "BLOB":
                yield Values(name, column, b"", tuple(value for value in array.to_pylist() if value))
            else:
                yield Values(name, column, _joined(array), ())


def _expression(column: str, type_: str) -> str:
    if type_ == "BLOB":
        return column
    text = f"{column}::varchar" if _IS_TEXT.fullmatch(type_) else column
    return f"to_json({text})::varchar || chr(10)"


def _joined(array: pa.Array) -> bytes:
    """The texts of an array behind each other: its own buffer, in which null takes no room."""
    if not len(array):
        return b""
    _, offsets, data = array.buffers()
    if data is None:
        return b""
    number = pa.int64() if pa.types.is_large_string(array.type) else pa.int32()
    ends = pa.Array.from_buffers(number, len(array) + 1, [None, offsets], offset=array.offset)
    return data[ends[0].as_py() : ends[-1].as_py()].to_pybytes()


def _reason(error: Exception) -> str:
    """DuckDB's first line; it names files and types, never values."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return "another program holds it open" if "lock" in text.lower() else text[:200]
