"""The lines of archived files as Parquet, byte for byte, and back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.below import open_below
from ingest.cold.part import root_of
from ingest.errors import IngestError
from ingest.files import printable
from ingest.manifest import ManifestEntry

SCHEMA = pa.schema(
    [
        ("root_session_id", pa.string()),
        ("session_id", pa.string()),
        ("path", pa.string()),
        ("line_number", pa.int64()),
        ("content", pa.large_binary()),  # the line as it stands in the file, with its newline
    ]
)
GROUP_BYTES = 64 * 1024 * 1024
# On a real corpus levels above 9 take five times as long for 2 % less.
ZSTD_LEVEL = 9
PAGE_BYTES = 8 * 1024 * 1024
READ_ROWS = 4096

# One line of one file: its path and its bytes.
Line = tuple[str, bytes]


def read_lines(root: Path, entries: Iterable[ManifestEntry], progress: Callable[[int], None] | None) -> Iterator[Line]:
    """Every line of the archived files below `root`, file by file. Raises IngestError for a file that is damaged."""
    for entry in entries:
        try:
            descriptor, size = open_below(root, entry.path)
        except OSError as error:
            raise IngestError(
                f"{printable(entry.path)} cannot be read ({error.strerror}): restore it from a backup."
            ) from error
        if size != entry.archived_bytes:
            os.close(descriptor)
            raise IngestError(f"{printable(entry.path)} has {size} bytes, not {entry.archived_bytes}: run sync first.")
        with os.fdopen(descriptor, "rb") as file:
            for line in file:
                yield entry.path, line
        if progress:
            progress(size)


def write_lines(target: Path, entries: Sequence[ManifestEntry], lines: Iterable[Line]) -> int:
    """Write `lines` (of `entries`, in their order) to a new Parquet file; returns how many there were."""
    of_path = {entry.path: entry for entry in entries}
    rows = 0
    with pq.ParquetWriter(
        target,
        SCHEMA,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=["root_session_id", "session_id", "path"],
        write_statistics=["root_session_id", "session_id", "path", "line_number"],
        data_page_size=PAGE_BYTES,
    ) as writer:
        paths: list[str] = []
        numbers: list[int] = []
        contents: list[bytes] = []
        held = 0
        last, number = None, 0

        def flush() -> None:
            nonlocal held
            owners = [of_path[path] for path in paths]
            columns = [[root_of(owner) for owner in owners], [owner.session_id for owner in owners]]
            arrays = [*columns, paths, numbers, contents]
            table = pa.table(
                [pa.array(values, kind.type) for values, kind in zip(arrays, SCHEMA, strict=True)], schema=SCHEMA
            )
            writer.write_table(table, row_group_size=max(len(paths), 1))
            paths.clear(), numbers.clear(), contents.clear()
            held = 0

        for path, content in lines:
            number = number + 1 if path == last else 1
            last = path
            paths.append(path)
            numbers.append(number)
            contents.append(content)
            rows += 1
            held += len(content)
            if held >= GROUP_BYTES:
                flush()
        if paths:
            flush()
    return rows


def stored_lines(root: Path, relative: str, wanted: set[str] | None = None) -> Iterator[Line]:
    """The lines of a Parquet file below `root`, of the files in `wanted` or of all.

    Raises IngestError where it cannot be read or its lines are out of order.
    """
    try:
        descriptor, _ = open_below(root, relative)
        with os.fdopen(descriptor, "rb") as file, pq.ParquetFile(file) as parquet:
            last, number = None, 0
            for batch in parquet.iter_batches(batch_size=READ_ROWS, columns=["path", "line_number", "content"]):
                columns = (batch.column(index).to_pylist() for index in range(3))
                for path, line_number, content in zip(*columns, strict=True):
                    number = number + 1 if path == last else 1
                    last = path
                    if line_number != number:
                        raise IngestError(f"{relative} is damaged: a line of {printable(path)} is missing.")
                    if wanted is None or path in wanted:
                        yield path, content
    except (OSError, pa.ArrowException) as error:
        raise IngestError(
            f"{printable(str(root / relative))} cannot be read ({error}): restore it from a backup."
        ) from error


def verify_lines(root: Path, relative: str, entries: Sequence[ManifestEntry], rows: int) -> None:
    """Read a Parquet file back: does it hold every file, byte for byte? Raises IngestError where it does not."""
    found = {entry.path: (0, 0, hashlib.sha256()) for entry in entries}
    seen = 0
    for path, content in stored_lines(root, relative):
        if path not in found:
            raise IngestError(f"{relative} holds {printable(path)}, which it should not: nothing was moved.")
        lines, size, digest = found[path]
        digest.update(content)
        found[path] = lines + 1, size + len(content), digest
        seen += 1
    for entry in entries:
        lines, size, digest = found[entry.path]
        if (lines, size, digest.hexdigest()) != (entry.archived_lines, entry.archived_bytes, entry.content_hash):
            raise IngestError(
                f"{printable(entry.path)} reads back from {relative} as {lines} lines and {size} bytes with another "
                f"content than its manifest says ({entry.archived_lines}, {entry.archived_bytes}): nothing was moved."
            )
    if seen != rows:
        raise IngestError(f"{relative} has {seen} rows, not {rows}: nothing was moved.")
