"""Text without what a tool puts before each line: numbers, signs of a diff, file names of a search, times of a log.

A rule that reads several lines (`.netrc`, YAML, HCL) or begins at the start of one does not see through them.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LINES_BEFORE, LINES_AFTER = 3, 8  # of a place that looks like a secret
_SIGN = re.compile(rb"[+\-> ]")
_DECORATIONS = (
    re.compile(rb"[ \t]*[0-9]+(?:\xe2\x86\x92|\x80|\t|: ?| ?\| ?| \xe2\x94\x82 ?)"),  # 12→, 12:, 12|
    _SIGN,
    re.compile(rb"[^\s:]+[:-][0-9]+[:-]"),  # path/of/file:12:
    re.compile(rb"[0-9A-Za-z_.-]+[ \t]*\| ?"),  # service_1  |
    re.compile(  # 2026-01-02T03:04:05.678Z INFO, also behind the names of a job and its step
        rb"(?:[^\t\n]{0,200}\t){0,2}\[?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?\]?[ \t]+"
        rb"(?:\[?[A-Z]{4,8}\]?:?[ \t]+)?"
    ),
)


@dataclass(frozen=True)
class Part:
    """Some lines of a text without their decorations. `starts`: of each line, its offset here and in the text."""

    text: bytes
    starts: tuple[tuple[int, int], ...]

    def places(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The same bytes in the text that this is a part of, line by line."""
        index = bisect.bisect_right(self.starts, (start, len(self.text))) - 1
        while index < len(self.starts) and self.starts[index][0] < end:
            here, there = self.starts[index]
            index += 1
            line_end = self.starts[index][0] - 1 if index < len(self.starts) else len(self.text)
            first, last = max(start, here), min(end, line_end)
            if self.text[first:last].strip():
                yield first - here + there, last - here + there


def undecorated(data: bytes, hits: Iterable[int]) -> Iterator[Part]:
    """The surroundings of the hits, without each decoration that two lines there have.

    In a text of one or two lines, a number or a file name before one is enough.
    """
    for first, last in _surroundings(data, hits):
        lines = data[first:last].split(b"\n")
        for decoration in _DECORATIONS:
            marks = [decoration.match(line) for line in lines]
            if sum(mark is not None for mark in marks) > (len(lines) > 2 or decoration is _SIGN):
                yield _strip(lines, [mark.end() if mark else 0 for mark in marks], first)


def _surroundings(data: bytes, hits: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Whole lines around the hits, as offsets; those of hits that are near to each other are one piece."""
    begin = end = line_end = -1
    for hit in hits:
        if hit < line_end:
            continue
        first = hit
        for _ in range(LINES_BEFORE + 1):
            first = data.rfind(b"\n", 0, max(first, 0))
            if first < 0:
                break
        last = hit
        for _ in range(LINES_AFTER):
            last = data.find(b"\n", last + 1)
            if last < 0:
                last = len(data)
                break
        line_end = data.find(b"\n", hit)
        line_end = len(data) if line_end < 0 else line_end
        if begin >= 0 and first > end:
            yield begin, end
            begin = -1
        begin, end = (first + 1 if begin < 0 else begin), last
    if begin >= 0:
        yield begin, end


def _strip(lines: list[bytes], widths: list[int], offset: int) -> Part:
    kept: list[bytes] = []
    starts: list[tuple[int, int]] = []
    here = 0
    for line, width in zip(lines, widths, strict=True):
        starts.append((here, offset + width))
        kept.append(line[width:])
        here += len(line) - width + 1
        offset += len(line) + 1
    return Part(b"\n".join(kept), tuple(starts))


def joined(texts: list[bytes]) -> Part:
    """The lines of a patch as one text without their signs, where each `start` in the text counts from the first."""
    widths = [1 if text[:1] in (b"+", b"-", b" ") else 0 for text in texts]
    return _strip([text.rstrip(b"\n") for text in texts], widths, 0)
