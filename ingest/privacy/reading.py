"""Files as pieces of bytes, in the way in which the archive hands them to the redaction engine.

A transcript is read line by line, a JSON document as one record, any other text as text; compressed files and the
members of archives are read like the file that they hold.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO

import pyarrow as pa

from ingest.archive_copy import CHUNK_BYTES, is_complete_json
from ingest.archive_text import redact_document, text_end
from ingest.git_store import HEAD
from ingest.redaction import Finding, Redactor

LINES, COMMITS, DOCUMENT, TEXT = "lines", "commits", "document", "text"
DUCKDB, PARQUET = "duckdb", "parquet"

HEAD_BYTES = 16
MAX_DEPTH = 3  # archives in archives
MAX_LINE_BYTES = 16 * CHUNK_BYTES
OVERLAP_BYTES = 1 << 16  # of a longer line that is cut: no secret is that long

_SEPARATOR = re.compile(rb",(?=\r?\n|\Z)")
_ZIP = b"PK\x03\x04"
_STREAMS: tuple[tuple[bytes, Callable[[IO[bytes]], IO[bytes]]], ...] = (
    (b"\x1f\x8b", lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", lambda stream: pa.CompressedInputStream(pa.PythonFile(stream), "zstd")),
)
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
# What a damaged or unreadable file raises while it is read.
READ_ERRORS = (*(OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException),)


class UnreadableError(Exception):
    """Why something could not be read: a clause without its path."""


@dataclass(frozen=True)
class Piece:
    """Bytes of the file or member `name` that are searched as one, `kind` of way, behind `line` lines before them.

    `raw` is what stands in the file, of the same length: commits are searched as lines without the commas behind them.
    """

    name: str
    kind: str
    data: bytes
    raw: bytes
    line: int


def redact_piece(redactor: Redactor, kind: str, data: bytes) -> tuple[bytes, list[Finding]]:
    """What the archive does with bytes of this kind."""
    if kind in (LINES, COMMITS):
        return redactor.redact_jsonl(data)
    return redact_document(data, redactor) if kind == DOCUMENT else redactor.redact_text_bytes(data)


def table_kind(head: bytes) -> str | None:
    """Whether a file that begins so holds tables; its first `HEAD_BYTES` say it."""
    if head[8:12] == b"DUCK":
        return DUCKDB
    return PARQUET if head.startswith(b"PAR1") else None


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is compressed or a zip archive."""
    return head.startswith((_ZIP, *(magic for magic, _ in _STREAMS)))


def file_pieces(stream: IO[bytes], name: str, depth: int = 0) -> Iterator[Piece]:
    """The pieces of an open file or member. Raises UnreadableError, or one of READ_ERRORS where it is damaged."""
    stream = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    for magic, opener in _STREAMS:
        if head.startswith(magic):
            _refuse(depth >= MAX_DEPTH, "packed too many times")
            with closing(opener(stream)) as inner:
                yield from file_pieces(inner, name, depth + 1)
            return
    if head.startswith(_ZIP):
        _refuse(depth >= MAX_DEPTH, "packed too many times")
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                try:
                    opened = archive.open(member)
                except (NotImplementedError, RuntimeError) as error:
                    raise UnreadableError("packed in a way that is not known, or with a password") from error
                with opened as inner:
                    yield from file_pieces(inner, f"{name}!{member.filename}", depth + 1)
        return
    _refuse(depth > 0 and table_kind(head) is not None, "tables inside an archive: unpack it first")
    _refuse(head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)), "UTF-16 text: convert it to UTF-8")
    yield from plain_pieces(stream, name)


def _refuse(is_refused: bool, reason: str) -> None:
    if is_refused:
        raise UnreadableError(reason)


def plain_pieces(stream: IO[bytes], name: str, max_line_bytes: float = MAX_LINE_BYTES) -> Iterator[Piece]:
    """The pieces of bytes that are not packed, in their order; joined they are the file, unless a line is too long."""
    plain_name = name
    while plain_name.endswith(_SUFFIXES):
        plain_name = plain_name.rpartition(".")[0]
    data = _read(stream, CHUNK_BYTES)
    kind = LINES if plain_name.endswith(".jsonl") else COMMITS if data.startswith(HEAD) else TEXT
    rest, line = data, 0
    while True:
        more = _read(stream, CHUNK_BYTES) if len(data) == CHUNK_BYTES else b""
        if not more:
            if kind == TEXT and not line and is_complete_json(rest):
                kind = DOCUMENT
            if rest:
                yield _piece(name, kind, rest, line)
            return
        end = text_end(rest) if kind == TEXT else rest.rfind(b"\n") + 1
        kept = end
        if not end and len(rest) >= max_line_bytes:
            end, kept = len(rest), len(rest) - OVERLAP_BYTES
        if end:
            yield _piece(name, kind, rest[:end], line)
            line += rest.count(b"\n", 0, kept)
        rest, data = rest[kept:] + more, more


def _piece(name: str, kind: str, raw: bytes, line: int) -> Piece:
    # of a history each commit becomes a line of JSON, with a blank in the place of the comma behind it
    return Piece(name, kind, _SEPARATOR.sub(b" ", raw) if kind == COMMITS else raw, raw, line)


def with_separators(redacted: bytes, original: bytes) -> bytes:
    """The commas of the history `original` put back into what became of its lines, which are as many."""
    pairs = zip(redacted.split(b"\n"), original.split(b"\n"), strict=True)
    return b"\n".join(new[:-1] + b"," if old.endswith(b",") else new for new, old in pairs)


def _read(stream: IO[bytes], size: int) -> bytes:
    parts: list[bytes] = []
    while size and (block := stream.read(size)):
        parts.append(block)
        size -= len(block)
    return parts[0] if len(parts) == 1 else b"".join(parts)
