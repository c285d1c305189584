"""Positions in escaped text: what a JSON string says, and where in its raw bytes each part of that stands."""

from __future__ import annotations

import bisect
import codecs
import json
import re
from collections.abc import Iterable
from typing import NamedTuple

import orjson

_PAIR = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # the two halves of one character
_DECODER = json.JSONDecoder(strict=False)  # line breaks inside a string are fine
_ESCAPE = re.compile(rb'\\(?:["\\/bfnrt]|' + _PAIR + rb"|u[0-9a-fA-F]{4})")
_SIMPLE = {b'"': b'"', b"\\": b"\\", b"/": b"/", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Span(NamedTuple):
    """A secret: its bytes [start, end), the rule, and the secret itself without escapes."""

    start: int
    end: int
    rule_id: str
    secret: bytes


def _one_byte_each(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return b"\x80" * (error.end - error.start), error.end


codecs.register_error("ope-one-byte-each", _one_byte_each)


def is_json(data: bytes) -> bool:
    """Whether this is one valid JSON text. Any bytes are fine inside strings: JSON's structure is ASCII."""
    try:
        orjson.loads(data)
    except ValueError:  # it knows no NaN, no half of a character pair and no invalid UTF-8
        pass
    else:
        return True
    try:
        json.loads(data.decode("latin-1"))
    except (ValueError, RecursionError):
        return False
    return True


def unescape(raw: bytes) -> bytes:
    """The text without JSON escapes; each becomes one byte (0x80 above U+00FF), what is no escape stays as it is."""
    if b"\\" not in raw:
        return raw
    try:  # the fast way, for what is the inside of a JSON string
        text = _DECODER.decode('"' + raw.decode("latin-1") + '"')
    except ValueError:
        return _ESCAPE.sub(_unescape_one, raw)
    return text.encode("latin-1", "ope-one-byte-each")


def _unescape_one(match: re.Match[bytes]) -> bytes:
    escape = match.group()
    if len(escape) == 2:
        return _SIMPLE[escape[1:]]
    if len(escape) == 12:
        return b"\x80"
    code = int(escape[2:], 16)
    return bytes((code,)) if code < 256 else b"\x80"


def raw_offsets(raw: bytes, wanted: Iterable[int], mark: re.Pattern[bytes] = _ESCAPE, width: int = 1) -> list[int]:
    """Offsets in `raw` of offsets in the same text with `width` bytes for each mark, as in `unescape(raw)`."""
    after: list[int] = []  # offset in the other text just after each mark
    shifts: list[int] = []  # how many more bytes the raw text has up to there
    shift = 0
    for match in mark.finditer(raw):
        shift += match.end() - match.start() - width
        after.append(match.end() - shift)
        shifts.append(shift)
    offsets = []
    for offset in wanted:
        index = bisect.bisect_right(after, offset) - 1
        offsets.append(offset + (shifts[index] if index >= 0 else 0))
    return offsets


def lift(spans: list[Span], raw: bytes, inner: bytes, start: int) -> list[Span]:
    """Spans of an unescaped text, in the offsets of the raw one that begins at `start`."""
    if not spans or len(raw) == len(inner):
        return [Span(span.start + start, span.end + start, span.rule_id, span.secret) for span in spans]
    offsets = raw_offsets(raw, [offset for span in spans for offset in (span.start, span.end)])
    return [
        Span(offsets[2 * i] + start, offsets[2 * i + 1] + start, span.rule_id, span.secret)
        for i, span in enumerate(spans)
    ]


def whole_characters(data: bytes, span: Span) -> Span:
    """Moves the ends to character borders, so that a replaced secret never leaves half a UTF-8 character."""
    start, end = span.start, span.end
    while start > 0 and span.start - start < 3 and 0x80 <= data[start] <= 0xBF and data[start - 1] >= 0x80:
        start -= 1
    while end < len(data) and end - span.end < 3 and 0x80 <= data[end] <= 0xBF and data[end - 1] >= 0x80:
        end += 1
    return span if (start, end) == (span.start, span.end) else Span(start, end, span.rule_id, data[start:end])
