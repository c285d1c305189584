"""A list of JSON objects, however it is written, as a stream: only the object at hand is held in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import IngestError

READ_CHARACTERS = 1 << 20

# Between the commits and the reflog of our own files.
REFLOG_LINE = '],"reflog":['

_ONE_PER_LINE = re.compile(r'\s*(?:\{\s*"commits"\s*:\s*\[\s*|\[\s*)?$')
_GAP = re.compile(r"[\s,]*")


@dataclass(frozen=True)
class Broken:
    """What stands where an object should be, and cannot be read."""

    reason: str


def read_commits_anyhow(source: Path) -> Iterator[tuple[int | None, Any]]:
    """(line number or None, value) of `{"commits":[…]}`, a list, or one value per line; `Broken` for what is none.

    Where values have lines of their own, a broken one costs itself only; otherwise everything after it.
    Raises IngestError if the file cannot be opened.
    """
    try:
        by_line = _has_lines(source)
        # Read as a stream of text; a byte that is not UTF-8 costs one character, a byte-order mark nothing.
        with source.open(encoding="utf-8-sig", errors="replace", newline="\n") as text:
            if by_line:
                for number, line in enumerate(text, start=1):
                    stripped = line.strip().removesuffix(",").rstrip()
                    if stripped == REFLOG_LINE:
                        break
                    if number == 1 and stripped.startswith('{"commits":[{'):
                        stripped = stripped.removeprefix('{"commits":[')
                    if stripped in ("", "]}", "]", "}") or _ONE_PER_LINE.match(stripped):
                        continue
                    yield number, _parse(stripped)
            else:
                for value in _scan(text):
                    yield None, value
    except OSError as error:
        raise IngestError(f"{source} cannot be read ({error.strerror}): check the path and its owner.") from error


def read_reflog_lines(source: Path) -> Iterator[Any]:
    """The entries of the reflog that follows the commits in a file as ours are written; `Broken` for what is none."""
    is_reflog = False
    try:
        with source.open(encoding="utf-8-sig", errors="replace", newline="\n") as text:
            for line in text:
                stripped = line.strip().removesuffix(",").rstrip()
                if is_reflog and stripped not in ("", "]}"):
                    yield _parse(stripped)
                is_reflog = is_reflog or stripped == REFLOG_LINE
    except OSError as error:
        raise IngestError(f"{source} cannot be read ({error.strerror}): check the path and its owner.") from error


def _has_lines(source: Path) -> bool:
    """Whether the first value ends where its line ends."""
    with source.open(encoding="utf-8-sig", errors="replace", newline="\n") as text:
        for line in text:
            stripped = line.strip().removesuffix(",").rstrip()
            if not stripped or _ONE_PER_LINE.match(stripped):
                continue
            if stripped.startswith('{"commits":[{') and not stripped.endswith("]}"):
                stripped = stripped.removeprefix('{"commits":[')
            value = _parse(stripped)
            return isinstance(value, dict) and "commits" not in value
    return True


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return Broken(str(error)[:200])


def _scan(text: Any) -> Iterator[Any]:
    """Values one after another, from a list inside an object's `commits`, a list, or side by side."""
    scanner = _Scanner(text)
    first = scanner.peek()
    if first == "{":
        try:
            if scanner.enter_commits():
                first = "["
            else:
                # Objects side by side: the first one is a value itself.
                text.seek(0)
                scanner = _Scanner(text)
        except _Unreadable as error:
            yield Broken(str(error))
            return
    if first == "[":
        scanner.skip()
    while (sign := scanner.peek()) not in ("", "]"):
        try:
            yield scanner.value()
        except _Unreadable as error:
            yield Broken(f"{error}, at {sign!r}; what follows is not read")
            return
    if first == "[" and sign == "":
        yield Broken("the file ends before its list does")


class _Unreadable(Exception):
    pass


class _Scanner:
    """Reads values off the front of a text, and no more of the text than they need."""

    def __init__(self, text: Any) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._position = 0
        self._is_ended = False

    def _fill(self) -> None:
        # As much as is waiting already, so that a long value is not parsed again too often.
        more = self._text.read(max(READ_CHARACTERS, len(self._buffer) - self._position))
        self._is_ended = not more
        self._buffer = self._buffer[self._position :] + more
        self._position = 0

    def peek(self) -> str:
        """The next sign that is neither blank nor comma; nothing at the end."""
        while True:
            self._position = _GAP.match(self._buffer, self._position).end()  # type: ignore[union-attr]
            if self._position < len(self._buffer) or self._is_ended:
                return self._buffer[self._position : self._position + 1]
            self._fill()

    def skip(self) -> None:
        self._position += 1

    def value(self) -> Any:
        """The value that begins here, past blanks. Raises `_Unreadable` if there is none."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
            except RecursionError as error:
                raise _Unreadable("nested too deeply") from error
            except ValueError as error:
                if self._is_ended:
                    raise _Unreadable(str(error)[:200]) from error
                self._fill()
                continue
            # A number may go on in what is not read yet.
            if end == len(self._buffer) and not self._is_ended:
                self._fill()
                continue
            self._position = end
            return value

    def enter_commits(self) -> bool:
        """Go to the list of an object's `commits`, past other keys; False if the object has none."""
        self.skip()
        while self.peek() == '"':
            key = self.value()
            if self.peek() != ":":
                raise _Unreadable(f"a colon is expected after {key!r}")
            self.skip()
            if key == "commits" and self.peek() == "[":
                return True
            self.value()
        return False
