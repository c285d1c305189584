"""A plain-text or JSON sidecar into the archive: redacted as a whole, because a secret may span its lines."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest.archive_copy import (
    CHUNK_BYTES,
    Copied,
    Start,
    Workshop,
    is_complete_json,
    keyed_hash,
    prefix_hash,
    size_of,
    source_errors,
    unchanged,
    writing,
)
from ingest.files import disk_errors, make_private_directory, write_all
from ingest.redaction import Finding, Redactor

_PEM_BEGIN, _PEM_END = b"-----BEGIN ", b"-----END "


def copy_text(
    shop: Workshop,
    source: int,
    state: os.stat_result,
    target: Path,
    start: Start,
    progress: Callable[[int], None],
) -> Copied:
    """Archive a plain-text or JSON file as a whole, once it is complete JSON or has been quiet for a while.

    `is_new_version` in the result means that the old text is no beginning of the new one: the result then lies in
    `shop.scratch`, for the caller to name. Raises as `copy_lines`.
    """
    prefix_hash(source, state, start, shop.hash_key)
    before = size_of(target)
    is_settled = shop.tail_rule.quiet_for(state) >= shop.tail_rule.quiet_seconds
    with source_errors():
        whole = os.pread(source, state.st_size, 0) if state.st_size <= CHUNK_BYTES else None
    is_document = whole is not None and is_complete_json(whole)
    rest_size = state.st_size - start.consumed_bytes
    if start.source_hash and before == start.archived_bytes and not (rest_size and (is_settled or is_document)):
        return unchanged(state, start)
    copied = Copied(state.st_size, state.st_mtime_ns, "", 0, 0, 0, "", state.st_size, False)
    read, content = hashlib.sha256(), hashlib.sha256()
    is_repair = bool(start.source_hash) and before != start.archived_bytes
    is_open = False
    with writing(shop.scratch, 0, created=True) as output:
        if is_settled or is_document or is_repair:
            # What an earlier run has taken is taken again, whatever the clock says.
            end = state.st_size if is_settled or is_document else start.consumed_bytes
            pieces = iter([whole]) if is_document and whole is not None else text_pieces(source, end)
            for piece in pieces:
                read.update(piece)
                redacted, found = (
                    redact_document(piece, shop.redactor) if is_document else shop.redactor.redact_text_bytes(piece)
                )
                content.update(redacted)
                with disk_errors(target):
                    write_all(output, redacted)
                copied.consumed_bytes += len(piece)
                copied.archived_bytes += len(redacted)
                copied.archived_lines += redacted.count(b"\n")
                is_open = bool(redacted) and not redacted.endswith(b"\n")
                copied.findings.update(finding.rule_id for finding in found)
                progress(len(piece))
    copied.archived_lines += is_open
    copied.read_bytes = max(copied.consumed_bytes - start.consumed_bytes, 0)
    copied.source_hash, copied.content_hash = keyed_hash(shop.hash_key, read), content.hexdigest()
    copied.pending_bytes = max(state.st_size - copied.consumed_bytes, 0)
    copied.added_bytes = max(copied.archived_bytes - start.archived_bytes, 0)
    copied.added_lines = max(copied.archived_lines - start.archived_lines, 0)
    copied.is_written = True
    copied.is_rebuilt = is_repair and (before or 0) < start.archived_bytes
    if before is not None and not is_repair and not _begins_with(shop.scratch, target, start.archived_bytes):
        copied.is_new_version = True
        copied.added_bytes, copied.added_lines = copied.archived_bytes, copied.archived_lines
        return copied
    with disk_errors(target):
        make_private_directory(target.parent)
        shop.scratch.replace(target)
    return copied


def redact_document(data: bytes, redactor: Redactor) -> tuple[bytes, list[Finding]]:
    """JSON on one line goes the way of a JSON line; JSON over several lines that of text."""
    if b"\n" in data.rstrip(b"\n"):
        return redactor.redact_text_bytes(data)
    if data.endswith(b"\n"):
        return redactor.redact_jsonl(data)
    redacted, found = redactor.redact_jsonl(data + b"\n")
    return redacted.removesuffix(b"\n"), found


def text_pieces(source: int, size: int) -> Iterator[bytes]:
    """A text in pieces that end with a line and, where they can, outside of a PEM block."""
    offset = 0
    rest = b""
    while offset < size:
        with source_errors():
            block = os.pread(source, min(CHUNK_BYTES, size - offset), offset)
        if not block:
            break
        offset += len(block)
        rest = rest + block if rest else block
        if offset >= size:
            break
        end = text_end(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def text_end(data: bytes) -> int:
    """Where the first part of a text ends: behind a line and, where it can, outside of a PEM block. 0 in one line."""
    end = data.rfind(b"\n") + 1
    opened = data.rfind(_PEM_BEGIN, 0, end)
    if opened > data.rfind(_PEM_END, 0, end) and (line := data.rfind(b"\n", 0, opened) + 1):
        return line
    return end


def _begins_with(longer: Path, shorter: Path, size: int) -> bool:
    """Whether the first `size` bytes of both files are the same."""
    with disk_errors(shorter), longer.open("rb") as one, shorter.open("rb") as other:
        while size > 0:
            length = min(CHUNK_BYTES, size)
            mine, theirs = one.read(length), other.read(length)
            if mine != theirs or len(mine) != length:
                return False
            size -= length
    return True
