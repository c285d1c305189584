"""Archived transcripts → `raw.session_lines`, with their rows in `session_files`, `parse_errors` and `redactions`.

What a line is and how odd ones are told is in `landing_text`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ingest.database import transaction
from ingest.errors import IngestError
from ingest.landing_rows import (
    ERROR_SCHEMA,
    LINE_STEP,
    TOKEN_START,
    FileRow,
    delete_lines,
    insert,
    replace_file_rows,
    table_of,
)
from ingest.landing_text import mark_length, repair_surrogates, split_lines
from ingest.redaction import TOKEN

BATCH_BYTES = 100_000_000
READ_BYTES = 4_000_000
# DuckDB scans an Arrow table batch by batch: small ones let all threads parse and compress.
ARROW_ROWS = 2048

MALFORMED = "malformed JSON"
NO_OBJECT = "JSON that is no object"
BAD_UTF8 = "invalid UTF-8"
LONE_SURROGATE = "half a surrogate pair"
BYTE_ORDER_MARK = "byte order mark"


@dataclass(frozen=True)
class Work:
    """A file to land: `row` as it will be at the end, the bytes and lines that are in the database already."""

    row: FileRow
    file: Path
    from_byte: int
    from_line: int
    is_replaced: bool


@dataclass
class Landed:
    """What one call of `land_lines` wrote."""

    files: int = 0
    lines: int = 0
    bytes: int = 0
    malformed_lines: int = 0
    redactions: int = 0


@dataclass(frozen=True)
class _Piece:
    """Whole lines of one file; `row` is the file's row once they are written."""

    row: FileRow
    lines: pa.Array
    first_line: int
    bad_utf8: tuple[int, ...]
    is_replaced: bool
    has_mark: bool
    size: int


@dataclass
class _Batch:
    pieces: list[_Piece] = field(default_factory=list)
    size: int = 0


def land_lines(
    connection: duckdb.DuckDBPyConnection,
    works: Sequence[Work],
    run_id: str,
    loaded_at: datetime,
    progress: Callable[[int], None] | None = None,
) -> Landed:
    """Write the new lines of `works`, some 100 MB per transaction, each with its file rows.

    A kill therefore leaves every file either as it was or landed up to a line that its row names.
    `progress` gets the number of bytes written by each transaction.
    """
    landed = Landed()
    batch = _Batch()
    for work in works:
        rest = work.row.bytes - work.from_byte
        if batch.pieces and batch.size + min(rest, BATCH_BYTES) > BATCH_BYTES:
            _write(connection, batch, run_id, loaded_at, landed, progress)
            batch = _Batch()
        for piece in _pieces(work):
            batch.pieces.append(piece)
            batch.size += piece.size
            if batch.size >= BATCH_BYTES:
                _write(connection, batch, run_id, loaded_at, landed, progress)
                batch = _Batch()
    if batch.pieces:
        _write(connection, batch, run_id, loaded_at, landed, progress)
    landed.files = len(works)
    return landed


def _pieces(work: Work) -> Iterator[_Piece]:
    """The file's new bytes in pieces of whole lines, of at most BATCH_BYTES unless one line is longer."""
    byte, line, is_replaced = work.from_byte, work.from_line, work.is_replaced
    try:
        with work.file.open("rb") as source:
            source.seek(byte)
            while True:
                data = _read_lines(source, min(BATCH_BYTES, work.row.bytes - byte), work.row.bytes - byte)
                mark = mark_length(data) if byte == 0 else 0
                lines, bad = split_lines(data, skip=mark)
                byte += len(data)
                is_last = byte >= work.row.bytes or not data
                # A row that is not at its end yet must not pass for the finished file.
                content_hash = work.row.content_hash if is_last else ""
                row = replace(work.row, bytes=byte, lines=line + len(lines), content_hash=content_hash)
                yield _Piece(row, lines, line + 1, bad, is_replaced, mark > 0, len(data))
                line, is_replaced = row.lines, False
                if is_last:
                    return
    except OSError as error:
        raise IngestError(
            f"The archived file {work.file} cannot be read ({error.strerror}): change its permissions and sync again."
        ) from error


def _read_lines(source: BinaryIO, size: int, rest: int) -> bytes:
    """`size` bytes cut back to the last newline, or on to the next where there is none, or all of `rest`."""
    start = source.tell()
    data = source.read(size)
    while len(data) < rest:
        cut = data.rfind(b"\n")
        if cut >= 0:
            source.seek(start + cut + 1)
            return data[: cut + 1]
        more = source.read(min(READ_BYTES, rest - len(data)))
        if not more:
            return data
        data += more
    return data


def _write(
    connection: duckdb.DuckDBPyConnection,
    batch: _Batch,
    run_id: str,
    loaded_at: datetime,
    landed: Landed,
    progress: Callable[[int], None] | None,
) -> None:
    pieces = batch.pieces
    lines = pa.concat_arrays([piece.lines for piece in pieces])
    is_json, has_token = _flags(connection, lines)
    lines, is_json, errors = _errors(connection, pieces, lines, is_json)
    table = pa.table(
        {
            "file_id": pa.concat_arrays([pa.repeat(piece.row.file_id, len(piece.lines)) for piece in pieces]),
            "line_number": pa.concat_arrays([_numbers(piece) for piece in pieces]),
            "is_json": is_json,
            "line": lines,
        }
    )
    replaced = [piece.row.file_id for piece in pieces if piece.is_replaced]
    rows = {piece.row.file_id: piece.row for piece in pieces}  # of a file's pieces the last says where it stands
    with transaction(connection):
        delete_lines(connection, replaced)
        insert(connection, "session_lines", _in_small_batches(table), run_id, loaded_at)
        replace_file_rows(connection, list(rows.values()), run_id, loaded_at)
        insert(connection, "parse_errors", errors, run_id, loaded_at)
        landed.redactions += _insert_redactions(connection, table.filter(has_token), run_id, loaded_at)
    landed.lines += len(lines)
    landed.bytes += batch.size
    landed.malformed_lines += sum(reason in (MALFORMED, NO_OBJECT) for reason in errors["reason"].to_pylist())
    if progress:
        progress(batch.size)


def _flags(connection: duckdb.DuckDBPyConnection, lines: pa.Array) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """For each line: is it JSON, and may it hold a redaction token. One pass, in parallel."""
    connection.register("landing_lines", _in_small_batches(pa.table({"line": lines})))
    try:
        flags = connection.execute(
            "select json_valid(line) as is_json, contains(line, ?) as has_token from landing_lines", [TOKEN_START]
        ).to_arrow_table()
    finally:
        connection.unregister("landing_lines")
    return flags["is_json"], flags["has_token"]


def _errors(
    connection: duckdb.DuckDBPyConnection, pieces: Sequence[_Piece], lines: pa.Array, is_json: pa.ChunkedArray
) -> tuple[pa.Array, pa.ChunkedArray | pa.Array, pa.Table]:
    """Find the lines that are not as they should be; repair half surrogates. Returns lines, is_json and the errors."""
    doubtful = pc.invert(pc.and_(is_json, pc.starts_with(lines, "{")))
    # combined first: pyarrow below 26 crashes on a chunked array without chunks
    suspects = pc.indices_nonzero(doubtful.combine_chunks()).to_pylist()
    starts: list[int] = []
    total = 0
    for piece in pieces:
        starts.append(total)
        total += len(piece.lines)
    found: list[tuple[int, str, str]] = []
    repaired: dict[int, str] = {}
    for index in suspects:
        text = lines[index].as_py()
        if is_json[index].as_py():
            if not text.lstrip(" \t\r\n").startswith("{"):
                found.append((index, NO_OBJECT, f"{len(text)} characters"))
        elif text.strip():
            mended = repair_surrogates(text)
            if mended != text and connection.execute("select json_valid(?)", [mended]).fetchall()[0][0]:
                repaired[index] = mended
                found.append((index, LONE_SURROGATE, "replaced by U+FFFD"))
            else:
                found.append((index, MALFORMED, f"{len(text)} characters"))
    for start, piece in zip(starts, pieces, strict=True):
        if piece.has_mark:
            found.append((start, BYTE_ORDER_MARK, "left out"))
        found.extend((start + bad, BAD_UTF8, "bytes replaced by U+FFFD") for bad in piece.bad_utf8)
    if repaired:
        mask = pa.array((index in repaired for index in range(total)), pa.bool_())
        lines = pc.replace_with_mask(lines, mask, pa.array(list(repaired.values()), pa.large_string()))
        is_json = pc.or_(is_json, mask)
    return lines, is_json, _error_table(pieces, starts, sorted(found))


def _error_table(pieces: Sequence[_Piece], starts: Sequence[int], found: Sequence[tuple[int, str, str]]) -> pa.Table:
    rows = []
    at = 0
    for index, reason, detail in found:
        while at + 1 < len(starts) and starts[at + 1] <= index:
            at += 1
        row = pieces[at].row
        number = pieces[at].first_line + index - starts[at]
        rows.append((row.project_id, LINE_STEP, row.path, row.file_id, number, reason, detail))
    return table_of(rows, ERROR_SCHEMA)


def _insert_redactions(connection: duckdb.DuckDBPyConnection, hits: pa.Table, run_id: str, loaded_at: datetime) -> int:
    """One row per token in the given lines, whose files have their rows already. Returns how many."""
    if not hits.num_rows:
        return 0
    connection.register("landing_hits", hits)
    try:
        return connection.execute(
            f"""
            insert into raw.redactions by name
            select
                files.project_id, files.path, hits.file_id, hits.line_number,
                split_part(hits.token, ':', 2) as rule_id, hits.token, ? as run_id, ? as loaded_at
            from (
                select file_id, line_number, unnest(regexp_extract_all(line, '{TOKEN.pattern}')) as token
                from landing_hits
            ) as hits
            inner join raw.session_files as files on hits.file_id = files.file_id
            """,
            [run_id, loaded_at],
        ).fetchall()[0][0]
    finally:
        connection.unregister("landing_hits")


def _numbers(piece: _Piece) -> pa.Array:
    count = len(piece.lines)
    numbers = array("i", range(piece.first_line, piece.first_line + count))
    return pa.Array.from_buffers(pa.int32(), count, [None, pa.py_buffer(numbers)])


def _in_small_batches(table: pa.Table) -> pa.Table:
    return pa.Table.from_batches(table.to_batches(max_chunksize=ARROW_ROWS), table.schema)
