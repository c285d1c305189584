"""Text without the colours of a terminal, which stand inside of words, and between a name and its value."""

from __future__ import annotations

import bisect
import re

from ingest.redaction.escapes import Span

COLOUR_BEGINS = b"\x1b["
_COLOUR = re.compile(rb"\x1b\[[0-9;:?]*[A-Za-z]")


def without_colours(data: bytes) -> bytes:
    """The text without its ANSI control sequences (ECMA-48 section 5.4)."""
    return _COLOUR.sub(b"", data)


def lift_colours(spans: list[Span], data: bytes) -> list[Span]:
    """Spans of the text without colours, in the offsets of `data`: the colours inside of a span belong to it."""
    after: list[int] = []  # offset in the text without colours of what follows each of them
    shifts: list[int] = []  # how many more bytes `data` has up to there
    shift = 0
    for match in _COLOUR.finditer(data):
        shift += match.end() - match.start()
        after.append(match.end() - shift)
        shifts.append(shift)

    def place(offset: int) -> int:
        index = bisect.bisect_right(after, offset) - 1
        return offset + (shifts[index] if index >= 0 else 0)

    return [span._replace(start=place(span.start), end=place(span.end - 1) + 1) for span in spans]
