"""The bytes of a transcript → lines of text.

What is a line: the bytes up to a newline, and what stands behind the last newline, if anything. Nothing is skipped:
a blank line is a row with `is_json` false and no error; a line that is no JSON, or JSON but no object, is a row and
one row in `raw.parse_errors`. Bytes that are no UTF-8 become U+FFFD. So do half surrogate pairs (`\\ud83d` alone,
left where a program cut a text in two): DuckDB calls such a record invalid as a whole. Both are reported per line;
the archive keeps the original. A byte order mark before the first line of a file belongs to no record: it is left
out, and reported.
"""

from __future__ import annotations

import codecs
import re
from array import array

import pyarrow as pa
import pyarrow.compute as pc

# Escaped backslashes and whole surrogate pairs first, so that what is left of the last alternative is half a pair.
_ESCAPE = re.compile(
    r"(?P<kept>\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def mark_length(data: bytes) -> int:
    """The bytes of the byte order mark at the start of a file, 0 if there is none."""
    return len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0


def split_lines(data: bytes, *, skip: int = 0) -> tuple[pa.Array, tuple[int, ...]]:
    """The lines of `data` as large_string, and the indexes of those that held bytes which are no UTF-8.

    The first `skip` bytes belong to no line; without a line end among them, the number of lines is the same.

    The bytes are split and checked in C++, without a copy; only data with a bad byte in it is decoded in Python.
    """
    if not data:
        return pa.array([], pa.large_string()), ()
    end = len(data) - data.endswith(b"\n")
    offsets = pa.py_buffer(array("q", (skip, end)))
    whole = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)])
    lines = pc.split_pattern(whole, b"\n").flatten()
    try:
        return lines.cast(pa.large_string()), ()
    except pa.ArrowInvalid:
        texts: list[str] = []
        bad: list[int] = []
        for index, line in enumerate(data[skip:end].split(b"\n")):
            try:
                texts.append(line.decode("utf-8"))
            except UnicodeDecodeError:
                texts.append(line.decode("utf-8", "replace"))
                bad.append(index)
        return pa.array(texts, pa.large_string()), tuple(bad)


def repair_surrogates(text: str) -> str:
    """`text` (JSON) with each `\\u` escape of half a surrogate pair turned into `\\ufffd`, whole pairs left alone."""
    return _ESCAPE.sub(lambda hit: hit["kept"] or "\\ufffd", text)
