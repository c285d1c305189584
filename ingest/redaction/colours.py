"""Text without the colours of a terminal, which stand inside of words, and between a name and its value."""

from __future__ import annotations

import re

from ingest.redaction.escapes import Span, raw_offsets

COLOUR_BEGINS = b"\x1b["
_COLOUR = re.compile(rb"\x1b\[[0-9;:?]*[A-Za-z]")


def without_colours(data: bytes) -> bytes:
    """The text without its ANSI control sequences (ECMA-48 section 5.4)."""
    return _COLOUR.sub(b"", data)


def lift_colours(spans: list[Span], data: bytes) -> list[Span]:
    """Spans of the text without colours, in the offsets of `data`: the colours inside of a span belong to it."""
    starts = raw_offsets(data, [span.start for span in spans], _COLOUR, 0)
    lasts = raw_offsets(data, [span.end - 1 for span in spans], _COLOUR, 0)
    return [span._replace(start=start, end=last + 1) for span, start, last in zip(spans, starts, lasts, strict=True)]
