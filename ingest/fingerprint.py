"""The fingerprint of a line: what a session's lines and a commit's lines are compared by.

The same rule stands in `macros/fingerprint.sql`; both are tested against `tests/ingest/fingerprint_vectors.csv`.
"""

from __future__ import annotations

import hashlib

MINIMUM_CHARACTERS = 4
HEX_DIGITS = 16

# What `str.strip()` strips and is ASCII: `bytes.strip()` alone would leave the four separators 0x1c to 0x1f.
_ASCII_SPACE = b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "


def line_fingerprint(text: str) -> str | None:
    """The first 16 hex digits of the MD5 of the stripped line in UTF-8; None if fewer than 4 characters are left.

    `text` is one line, with or without its line end. A lone surrogate, which UTF-8 cannot hold, counts as U+FFFD.
    """
    stripped = text.strip()
    if len(stripped) < MINIMUM_CHARACTERS:
        return None
    try:
        data = stripped.encode("utf-8")
    except UnicodeEncodeError:
        data = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in stripped).encode("utf-8")
    return _digest(data)


def line_fingerprint_bytes(line: bytes) -> str | None:
    """`line_fingerprint` of a line as it stands in a file; bytes that are not UTF-8 are replaced by U+FFFD."""
    if not line.isascii():
        return line_fingerprint(line.decode("utf-8", "replace"))
    stripped = line.strip(_ASCII_SPACE)
    return _digest(stripped) if len(stripped) >= MINIMUM_CHARACTERS else None


def _digest(data: bytes) -> str:
    # Not for security: a short name for a line, the same one that SQL computes.
    return hashlib.md5(data, usedforsecurity=False).hexdigest()[:HEX_DIGITS]
