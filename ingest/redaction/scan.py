"""Where the secrets of a text stand: exact, by position, at any depth of JSON and escapes. No replacing, no key.

All offsets are byte offsets. An inner text (a JSON string without its escapes) is searched on its own, and what is
found in it is mapped back to the offsets of the text around it, so that the caller replaces raw bytes and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ingest.redaction.blocks import pieces, strings_from
from ingest.redaction.colours import COLOUR_BEGINS, lift_colours, without_colours
from ingest.redaction.escapes import Span, is_json, lift, unescape
from ingest.redaction.matching import Matcher
from ingest.redaction.pairs import COLON, value_of
from ingest.redaction.rules import Rule
from ingest.redaction.strings import Strings
from ingest.redaction.views import LINES_AFTER, joined, undecorated

MAX_DEPTH = 8  # levels of text inside text
COLOUR_DEPTH = 4  # levels that colours count for: they hide nothing deep, and every level may be read twice
MIN_JSON = 8  # no shorter text can hold a name and a secret as JSON
MAX_NAME = 200  # bytes; a longer JSON name is no name
MAX_RAW_NAME = 12 * MAX_NAME + 2  # as it is written: with its quotes, and 12 bytes where one character is escaped
MAX_PAIR_VALUE = 1 << 14  # bytes; no header or client file has a longer one
PAIR_GAP = 64  # longest run of blanks between a JSON name and its value that still counts as one pair


_BEGINS_JSON = re.compile(rb'[ \t]*[\[{"]')
_FLAG = re.compile(rb"--?[0-9A-Za-z_.-]+")
_COMMA = re.compile(rb"\s*,\s*")


class Scanner:
    """Finds secrets with compiled rules. Immutable after construction."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = Matcher(rules)

    def first_hit(self, data: bytes, start: int) -> int | None:
        """Where the next line begins to look as if it held a secret."""
        return self._rules.first_hit(data, start)

    def scan_json(self, data: bytes, depth: int = 0) -> list[Span]:
        """Secrets in the strings of valid JSON, by position, not overlapping, none of them across a quote."""
        hits = self._rules.hits(data)
        if not hits:
            return []
        strings = Strings(data)
        suspects = strings.touched(hits)
        spans: list[Span] = []
        known: dict[bytes, list[Span]] = {}  # a record may say the same thing twice
        for index in suspects:
            raw, start = strings.raw(index), strings.start(index)
            if raw not in known:
                inner = strings.text(index)
                known[raw] = lift(self.scan_text(inner, depth + 1), raw, inner, 0)
            spans += [span._replace(start=span.start + start, end=span.end + start) for span in known[raw]]
        # The hit may lie in the name or, where the value is all escapes, in the value alone.
        for index in sorted({*suspects, *(index - 1 for index in suspects if index)}):
            spans += self._scan_pair(strings, index)
        parts = self._scan_arrays(strings, suspects)
        if parts:  # what one string alone showed of a block is the same secret, not another one
            spans = [span for span in spans if not any(p.start <= span.start and span.end <= p.end for p in parts)]
        return self._rules.merged(spans + parts)

    def _scan_arrays(self, strings: Strings, suspects: list[int]) -> list[Span]:
        """The parts of blocks whose lines are strings of an array. All parts of one block carry the whole block."""
        found: list[Span] = []
        searched = done = 0  # strings before these have been searched for blocks, or belong to a row that has one
        for index in suspects:
            if index >= searched and self._rules.begins_block(strings.text(index)):
                searched = strings_from(strings.data, strings.places, index)
                parts = self._scan_block(strings, index, searched)
                found += parts
                done = searched if parts else done
            if index >= done:
                found += self._scan_rows(strings, index)
        return found

    def _scan_block(self, strings: Strings, index: int, behind_row: int) -> list[Span]:
        """The parts of the blocks that stand in these strings, more than one of them."""
        texts = [strings.text(i) for i in range(index, behind_row)]
        found: list[Span] = []
        for block in self._rules.plain(b"\n".join(texts)) if len(texts) > 1 else ():
            for which, first, last in pieces(texts, block.start, block.end) if self._rules.is_block(block) else ():
                part = [Span(first, last, block.rule_id, block.secret)]
                found += lift(part, strings.raw(index + which), texts[which], strings.start(index + which))
        return found

    def _scan_rows(self, strings: Strings, index: int) -> list[Span]:
        """Values whose name stands on an earlier line, where the lines are strings of an array."""
        behind_row = strings_from(strings.data, strings.places, index, LINES_AFTER)
        if behind_row - index < 2:
            return []
        texts = [strings.text(i).rstrip(b"\n") for i in range(index, behind_row)]
        part = joined(texts)
        found: list[Span] = []
        for span in self._rules.plain(part.text):
            for start, end in part.places(span.start, span.end):
                before = 0  # the lines are joined by one line break each
                for i, text in enumerate(texts, index):
                    if before <= start < before + len(text):
                        here = [span._replace(start=start - before, end=end - before)]
                        found += lift(here, strings.raw(i), strings.text(i), strings.start(i))
                    before += len(text) + 1
        return found

    def _scan_pair(self, strings: Strings, index: int) -> list[Span]:
        """`"name": "value"`, `"--name", "value"` and `"name": "NAME", "value": "value"`, if the name is a secret's."""
        data, places = strings.data, strings.places
        start, end = places[index]
        if end - start > MAX_RAW_NAME:
            return []
        name = strings.text(index)
        if len(name) > MAX_NAME:
            return []
        between = data[end : min(places[index + 1][0], end + PAIR_GAP)] if index + 1 < len(places) else b""
        value = index + 1
        if COLON.fullmatch(between) is None and (not between or not _is_argument(data, places, index, name)):
            value = value_of(data, places, index)
            if value < 0:
                return []
        raw, secret, start = strings.raw(value), strings.text(value), strings.start(value)
        rule = self._rules.named(name, secret, frozenset(("value",)))
        if rule is not None:
            return [Span(start, start + len(raw), rule.rule_id, secret)]
        if len(secret) > MAX_PAIR_VALUE:
            return []
        # the pair as text, for the rules that know a value by what stands before it
        head = b'"' + name.lstrip(b"-") + b'": "'
        spans = [
            Span(max(span.start - len(head), 0), span.end - len(head), span.rule_id, span.secret)
            for span in self._rules.in_context(head + secret + b'"')
            if len(head) < span.end <= len(head) + len(secret)
        ]
        return lift(spans, raw, secret, start)

    def scan_text(self, data: bytes, depth: int = 0) -> list[Span]:
        """Secrets in any text: by the rules, in JSON (one text, or lines) inside it, under its escapes and colours."""
        if len(data) < MIN_JSON:
            return self._rules.plain(data)
        head = data.lstrip()[:1]
        if depth and depth < MAX_DEPTH and head in (b"{", b"[", b'"') and is_json(data):
            return self.scan_json(data, depth)
        hits = self._rules.hits(data)
        spans = [*self._rules.plain(data, hits), *self._scan_undecorated(data, hits, depth)] if hits else []
        if depth >= MAX_DEPTH:
            return self._rules.merged(spans)
        if b"\\" in data:
            inner = unescape(data)
            if inner != data and self._rules.is_suspicious(inner):
                spans += lift(self.scan_text(inner, depth + 1), data, inner, 0)
        if COLOUR_BEGINS in data:
            inner = without_colours(data)
            if inner != data:
                spans += lift_colours(self.scan_text(inner, depth + COLOUR_DEPTH), data)
        return self._rules.merged(self._from_inside(data, hits, spans, depth))

    def _from_inside(self, data: bytes, hits: Sequence[tuple[int, int]], spans: list[Span], depth: int) -> list[Span]:
        """The spans of this text, where lines that are JSON say themselves what is secret in them.

        That is known better from inside, but a block of many lines may be written as string literals, of which each is
        a line of JSON too.
        """
        for start, end in _json_lines(data, hits) if depth < MAX_DEPTH else ():
            line = data[start:end]
            if self._rules.is_suspicious(line) and is_json(line):
                spans = [
                    span
                    for span in spans
                    if span.end <= start
                    or span.start >= end
                    or (self._rules.is_block(span) and (span.start < start or span.end > end))
                ]
                spans += [
                    span._replace(start=span.start + start, end=span.end + start)
                    for span in self.scan_json(line, depth + 1)
                ]
        return spans

    def _scan_undecorated(self, data: bytes, hits: Sequence[tuple[int, int]], depth: int) -> list[Span]:
        """Secrets that only show where line numbers, signs of a diff and file names before the lines are gone."""
        spans: list[Span] = []
        for part in undecorated(data, (start for start, _ in hits)):
            hits_in_part = self._rules.hits(part.text)
            if not hits_in_part:
                continue
            for span in self._from_inside(part.text, hits_in_part, self._rules.plain(part.text, hits_in_part), depth):
                spans += [span._replace(start=start, end=end) for start, end in part.places(span.start, span.end)]
        return spans


def _is_argument(data: bytes, tokens: list[tuple[int, int]], index: int, name: bytes) -> bool:
    """Whether this string is a flag of a list of arguments and the next one, no name of a field, what follows it."""
    if _FLAG.fullmatch(name) is None or _COMMA.fullmatch(data, tokens[index][1], tokens[index + 1][0]) is None:
        return False
    return COLON.match(data, tokens[index + 1][1]) is None


def _json_lines(data: bytes, hits: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The lines, without their ends, that these stretches touch and that begin as JSON does."""
    done = 0
    for hit_start, hit_end in hits:
        start = max(done, data.rfind(b"\n", done, hit_start) + 1)
        while start < hit_end:
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            if end - start >= MIN_JSON and _BEGINS_JSON.match(data, start, end):
                yield start, end
            done = start = end + 1
