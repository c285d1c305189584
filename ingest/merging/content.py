"""An archived file of the other directory: its bytes with our rules of redaction applied, and how it relates to ours.

The same secret has another token on another machine, because its key is another; but all tokens of a rule are equally
long. So texts are compared byte by byte, with the hash of every token blanked.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ingest.archive_copy import CHUNK_BYTES, is_complete_json
from ingest.archive_text import redact_document, text_pieces
from ingest.errors import IngestError
from ingest.files import disk_errors, make_private_directory, open_private, printable, write_all
from ingest.manifest import ManifestEntry
from ingest.merging.other import Other, UnreadableError
from ingest.redaction import Redactor

# How a file of theirs relates to one of ours.
EQUAL, OURS_GOES_ON, THEIRS_GOES_ON, DIVERGED = "equal", "ours goes on", "theirs goes on", "diverged"

_TOKEN = re.compile(rb"(\[REDACTED:[a-z0-9_]{2,40}:)[A-Z2-7]{16}\]")
_BLANKED = rb"\1AAAAAAAAAAAAAAAA]"


@dataclass(frozen=True)
class Reader:
    """What is needed to read the archived files of one project of the other directory."""

    other: Other
    project_id: str
    redactor: Redactor

    def pieces(self, entry: ManifestEntry) -> Iterator[bytes]:
        """The bytes of `entry`, redacted, in pieces that end with a line where they can.

        Raises UnreadableError for a file that is not what its manifest says, at the latest after its last piece.
        """
        digest = hashlib.sha256()
        with self.other.opened("raw", self.project_id, entry.path) as (descriptor, size):
            if size < entry.archived_bytes:
                detail = f"{size} of {entry.archived_bytes} bytes are there"
                raise UnreadableError("archived file is shorter than its manifest says", detail)
            try:
                for piece in _pieces(descriptor, entry):
                    digest.update(piece)
                    yield self._redacted(piece, entry)
            except OSError as error:
                raise UnreadableError("not readable", error.strerror or str(error)) from error
        if digest.hexdigest() != entry.content_hash:
            raise UnreadableError(
                "archived file is not what its manifest says", "run sync on the other machine, then merge again"
            )

    def _redacted(self, piece: bytes, entry: ManifestEntry) -> bytes:
        if entry.path.endswith(".jsonl"):
            return self.redactor.redact_jsonl(piece)[0]
        if len(piece) == entry.archived_bytes and is_complete_json(piece):
            return redact_document(piece, self.redactor)[0]
        return self.redactor.redact_text_bytes(piece)[0]


def comparable(content: bytes) -> bytes:
    """The bytes with what differs between keys blanked; as many as before."""
    return _TOKEN.sub(_BLANKED, content)


def _pieces(descriptor: int, entry: ManifestEntry) -> Iterator[bytes]:
    if not entry.path.endswith(".jsonl"):
        if entry.archived_bytes <= CHUNK_BYTES:
            yield os.pread(descriptor, entry.archived_bytes, 0)
        else:
            yield from text_pieces(descriptor, entry.archived_bytes)
        return
    offset, rest = 0, b""
    while offset < entry.archived_bytes:
        block = os.pread(descriptor, min(CHUNK_BYTES, entry.archived_bytes - offset), offset)
        if not block:
            break
        offset += len(block)
        rest += block
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


@dataclass
class _Ours:
    """One of our files while it is compared."""

    entry: ManifestEntry
    stream: BinaryIO
    left: int
    relation: str = EQUAL


@dataclass
class Compared:
    """The relation of a file of theirs to each of ours, by our path; and its size, lines and hash, redacted."""

    relations: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    lines: int = 0
    content_hash: str = ""


def compare(reader: Reader, theirs: ManifestEntry, raw: Path, ours: Sequence[ManifestEntry]) -> Compared:
    """Read a file of theirs once, beside those of ours. Ours that are missing or short have diverged.

    Raises UnreadableError where theirs cannot be used.
    """
    compared = Compared()
    digest = hashlib.sha256()
    opened: list[_Ours] = []
    try:
        for entry in ours:
            compared.relations[entry.path] = DIVERGED
            try:
                opened.append(_Ours(entry, (raw / entry.path).open("rb"), entry.archived_bytes))
            except OSError:
                continue
        last = b"\n"
        for piece in reader.pieces(theirs):
            digest.update(piece)
            compared.bytes += len(piece)
            compared.lines += piece.count(b"\n")
            last = piece[-1:] or last
            for file in opened:
                _advance(file, piece)
        compared.lines += last != b"\n"
        for file in opened:
            if file.relation == EQUAL and file.left:
                file.relation = OURS_GOES_ON
            compared.relations[file.entry.path] = file.relation
    finally:
        for file in opened:
            file.stream.close()
    compared.content_hash = digest.hexdigest()
    return compared


def _advance(file: _Ours, piece: bytes) -> None:
    if file.relation not in (EQUAL, THEIRS_GOES_ON):
        return
    length = min(file.left, len(piece))
    if length:
        try:
            mine = file.stream.read(length)
        except OSError as error:
            name = printable(file.entry.path)
            raise IngestError(f"The archived file {name} cannot be read ({error.strerror}): check the disk.") from error
        if mine != piece[:length] and comparable(mine) != comparable(piece[:length]):
            file.relation = DIVERGED
            return
    file.left -= length
    if length < len(piece):
        file.relation = THEIRS_GOES_ON


def copy(reader: Reader, theirs: ManifestEntry, aside: Path, target: Path) -> Compared:
    """Write a file of theirs to `aside`, durably, and swap it in as `target`; its size, lines and hash.

    Raises UnreadableError where theirs cannot be used, IngestError where our disk refuses; `target` is as it was then.
    """
    measured = Compared()
    digest, last = hashlib.sha256(), b"\n"
    with disk_errors(target):
        make_private_directory(aside.parent)
        make_private_directory(target.parent)
        descriptor = open_private(aside, truncate=True)
    try:
        for piece in reader.pieces(theirs):
            with disk_errors(target):
                write_all(descriptor, piece)
            digest.update(piece)
            measured.bytes += len(piece)
            measured.lines += piece.count(b"\n")
            last = piece[-1:] or last
        with disk_errors(target):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with disk_errors(target):
        aside.replace(target)
    measured.lines += last != b"\n"
    measured.content_hash = digest.hexdigest()
    return measured
