"""One file redacted anew: what becomes of it, and the proof that only secrets have changed."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ingest.files import disk_errors
from ingest.privacy.reading import COMMITS, DOCUMENT, LINES, plain_pieces, redact_piece, with_separators
from ingest.redaction import TOKEN_BYTES, Redactor
from ingest.redaction.escapes import is_json

COPY_BYTES = 1 << 20
# Of a secret over several lines its line ends stay, behind the token.
_REPLACED = re.compile(TOKEN_BYTES.pattern + rb"\n*")


class RenewalError(Exception):
    """A file cannot be redacted anew without harm; its text is a clause that says why."""


@dataclass
class Renewed:
    """What a file was and is to be, in bytes and SHA-256 (hex); `rules` says how often each rule found something."""

    old_bytes: int = 0
    old_hash: str = ""
    new_bytes: int = 0
    new_hash: str = ""
    lines: int = 0
    rules: Counter[str] = field(default_factory=Counter)


def renew(stream: IO[bytes], name: str, redactor: Redactor, create: Callable[[], IO[bytes]] | None) -> Renewed:
    """Redact an open file as the archive does, into the file that `create` opens once something is found.

    Without `create` nothing is written. Raises RenewalError, OSError where the file cannot be read, and IngestError
    where the disk refuses.
    """
    done = Renewed()
    old, new = hashlib.sha256(), hashlib.sha256()
    target: IO[bytes] | None = None
    last = b""
    try:
        for piece in plain_pieces(stream, name, max_line_bytes=float("inf")):
            redacted, findings = redact_piece(redactor, piece.kind, piece.data)
            if findings:
                verify(redactor, piece.kind, piece.data, redacted)
                redacted = with_separators(redacted, piece.raw) if piece.kind == COMMITS else redacted
                if target is None and create is not None:
                    with disk_errors(Path(name)):
                        target = create()
                        _copy(stream, target, done.old_bytes)
            else:
                redacted = piece.raw
            old.update(piece.raw)
            new.update(redacted)
            if target is not None:
                with disk_errors(Path(name)):
                    target.write(redacted)
            done.old_bytes += len(piece.raw)
            done.new_bytes += len(redacted)
            done.lines += redacted.count(b"\n")
            done.rules.update(finding.rule_id for finding in findings)
            last = piece.raw[-1:]
    finally:
        if target is not None:
            with disk_errors(Path(name)):
                target.close()
    done.lines += last not in (b"", b"\n")
    done.old_hash, done.new_hash = old.hexdigest(), new.hexdigest()
    return done


def _copy(stream: IO[bytes], target: IO[bytes], size: int) -> None:
    """The first `size` bytes, without moving in `stream`."""
    at = stream.tell()
    stream.seek(0)
    while size and (block := stream.read(min(COPY_BYTES, size))):
        target.write(block)
        size -= len(block)
    stream.seek(at)


def verify(redactor: Redactor, kind: str, old: bytes, new: bytes) -> None:
    """Raise RenewalError unless `new` is `old` with tokens in the place of secrets, and nothing is left to find."""
    before, after = old.split(b"\n"), new.split(b"\n")
    if len(before) != len(after):
        raise RenewalError("the number of its lines would change")
    if kind in (LINES, COMMITS):
        changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
        records = [pair for pair in changed if is_json(pair[0])]
        if not all(is_json(other) for _, other in records):
            raise RenewalError("a record would no longer be JSON")
        # what is torn over several lines is compared as a whole
        compared = records if len(records) == len(changed) else [(old, new)]
    else:
        if kind == DOCUMENT and not is_json(new):
            raise RenewalError("it would no longer be JSON")
        compared = [(old, new)]
    if not all(_differ_in_tokens_only(one, other) for one, other in compared):
        raise RenewalError("more than secrets would change")
    if redact_piece(redactor, kind, new)[1]:
        raise RenewalError("a second pass would still find something")


def _differ_in_tokens_only(old: bytes, new: bytes) -> bool:
    """Is `old` what stands between the tokens of `new`, in that order, with at least a byte for each token?"""
    first, *others = _REPLACED.split(new)
    if not others:
        return old == new
    *middle, last = others
    if not old.startswith(first) or not old.endswith(last):
        return False
    at, end = len(first) + 1, len(old) - len(last)
    for text in middle:
        found = old.find(text, at, end)
        if found < 0:
            return False
        at = found + len(text) + 1
    return at <= end


def renew_csv(data: bytes, redactor: Redactor) -> tuple[bytes, Counter[str]]:
    """A table of labels with every cell redacted, as its import does, and how often each rule found something.

    One that is not written as OPE writes it is redacted as text. Raises RenewalError.
    """
    rules: Counter[str] = Counter()

    def clean(text: bytes) -> bytes:
        redacted, findings = redactor.redact_text_bytes(text)
        rules.update(finding.rule_id for finding in findings)
        return redacted

    rows, renewed = _rows(data), data
    if rows is not None and _csv(rows) == data:
        renewed = _csv([[clean(cell.encode()).decode() for cell in row] for row in rows])
    renewed = clean(renewed)
    if rows is not None and [len(row) for row in _rows(renewed) or ()] != [len(row) for row in rows]:
        raise RenewalError("a row would have other columns")
    if redactor.redact_text_bytes(renewed)[1]:
        raise RenewalError("a second pass would still find something")
    return renewed, rules


def _rows(data: bytes) -> list[list[str]] | None:
    try:
        return list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None


def _csv(rows: list[list[str]]) -> bytes:
    output = io.StringIO(newline="")
    csv.writer(output, lineterminator="\n").writerows(rows)
    return output.getvalue().encode()
