"""Where the secrets of a text stand: exact, by position, at any depth of JSON and escapes. No replacing, no key.

All offsets are byte offsets. An inner text (a JSON string without its escapes) is searched on its own, and what is
found in it is mapped back to the offsets of the text around it, so that the caller replaces raw bytes and nothing else.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

from ingest.redaction.blocks import pieces, strings_from
from ingest.redaction.escapes import Span, is_json, lift, unescape
from ingest.redaction.matching import Matcher
from ingest.redaction.pairs import COLON, value_of
from ingest.redaction.rules import Rule
from ingest.redaction.views import LINES_AFTER, joined, undecorated

MAX_DEPTH = 8  # levels of text inside text
MIN_JSON = 8  # no shorter text can hold a name and a secret as JSON
MAX_NAME = 200  # bytes; a longer JSON name is no name
MAX_PAIR_VALUE = 1 << 14  # bytes; no header or client file has a longer one
PAIR_GAP = 64  # longest run of blanks between a JSON name and its value that still counts as one pair


_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_JSON_LINE = re.compile(rb'^[ \t]*[\[{"][^\n]*$', re.MULTILINE)
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
        tokens = [match.span() for match in _STRING.finditer(data)]
        starts = [start for start, _ in tokens]
        suspects: set[int] = set()
        for start, end in hits:
            first = max(0, bisect.bisect_right(starts, start) - 1)
            suspects.update(i for i in range(first, bisect.bisect_left(starts, end)) if tokens[i][1] > start)
        spans: list[Span] = []
        for index in sorted(suspects):
            start, end = tokens[index]
            spans += self._scan_string(data, start + 1, end - 1, depth)
        # The hit may lie in the name or, where the value is all escapes, in the value alone.
        for index in sorted(suspects | {index - 1 for index in suspects if index}):
            spans += self._scan_pair(data, tokens, index)
        parts = self._scan_arrays(data, tokens, sorted(suspects))
        if parts:  # what one string alone showed of a block is the same secret, not another one
            spans = [span for span in spans if not any(p.start <= span.start and span.end <= p.end for p in parts)]
        return self._rules.merged(spans + parts)

    def _scan_arrays(self, data: bytes, tokens: list[tuple[int, int]], suspects: list[int]) -> list[Span]:
        """The parts of blocks whose lines are strings of an array. All parts of one block carry the whole block."""
        found: list[Span] = []
        done = 0  # strings before this one have been read
        for index in suspects:
            start, end = tokens[index]
            if index < done:
                continue
            if not self._rules.begins_block(unescape(data[start + 1 : end - 1])):
                found += self._scan_rows(data, tokens, index)
                continue
            done = strings_from(data, tokens, index)
            run = tokens[index:done]
            texts = [unescape(data[start + 1 : end - 1]) for start, end in run]
            for block in self._rules.plain(b"\n".join(texts)) if len(run) > 1 else ():
                if not self._rules.is_block(block):
                    continue
                for which, first, last in pieces(texts, block.start, block.end):
                    raw_start, raw_end = run[which][0] + 1, run[which][1] - 1
                    part = [Span(first, last, block.rule_id, block.secret)]
                    found += lift(part, data[raw_start:raw_end], texts[which], raw_start)
        return found

    def _scan_rows(self, data: bytes, tokens: list[tuple[int, int]], index: int) -> list[Span]:
        """Values whose name stands on an earlier line, where the lines are strings of an array."""
        run = tokens[index : strings_from(data, tokens, index, LINES_AFTER)]
        if len(run) < 2:
            return []
        texts = [unescape(data[start + 1 : end - 1]).rstrip(b"\n") for start, end in run]
        part = joined(texts)
        found: list[Span] = []
        for span in self._rules.plain(part.text):
            place = part.in_text(span.start, span.end)
            if place is None:
                continue
            behind = 0  # the lines are joined by one line break each
            for (start, end), text in zip(run, texts, strict=True):
                if behind <= place[0] < behind + len(text):
                    here = [span._replace(start=place[0] - behind, end=place[1] - behind)]
                    found += lift(here, data[start + 1 : end - 1], unescape(data[start + 1 : end - 1]), start + 1)
                behind += len(text) + 1
        return found

    def _scan_string(self, data: bytes, start: int, end: int, depth: int) -> list[Span]:
        raw = data[start:end]
        inner = unescape(raw)
        return lift(self.scan_text(inner, depth + 1), raw, inner, start)

    def _scan_pair(self, data: bytes, tokens: list[tuple[int, int]], index: int) -> list[Span]:
        """`"name": "value"`, `"--name", "value"` and `"name": "NAME", "value": "value"`, if the name is a secret's."""
        start, end = tokens[index]
        name = unescape(data[start + 1 : end - 1])
        if len(name) > MAX_NAME:
            return []
        between = data[end : min(tokens[index + 1][0], end + PAIR_GAP)] if index + 1 < len(tokens) else b""
        value = index + 1
        if COLON.fullmatch(between) is None and (not between or not _is_argument(data, tokens, index, name)):
            value = value_of(data, tokens, index)
            if value < 0:
                return []
        value_start, value_end = tokens[value]
        raw = data[value_start + 1 : value_end - 1]
        secret = unescape(raw)
        rule = self._rules.named(name, secret, frozenset(("value",)))
        if rule is not None:
            return [Span(value_start + 1, value_end - 1, rule.rule_id, secret)]
        if len(secret) > MAX_PAIR_VALUE:
            return []
        # the pair as text, for the rules that know a value by what stands before it
        head = b'"' + name.lstrip(b"-") + b'": "'
        spans = [
            Span(max(span.start - len(head), 0), span.end - len(head), span.rule_id, span.secret)
            for span in self._rules.plain(head + secret + b'"')
            if self._rules.is_in_context(span) and len(head) < span.end <= len(head) + len(secret)
        ]
        return lift(spans, raw, secret, value_start + 1)

    def scan_text(self, data: bytes, depth: int = 0) -> list[Span]:
        """Secrets in any text: by the rules, in JSON (one text, or lines) inside it, and under its escapes."""
        if len(data) < MIN_JSON:
            return self._rules.plain(data)
        head = data.lstrip()[:1]
        if depth and depth < MAX_DEPTH and head in (b"{", b"[", b'"') and is_json(data):
            return self.scan_json(data, depth)
        hits = self._rules.hits(data)
        spans = [*self._rules.plain(data, hits), *self._scan_undecorated(data, hits)] if hits else []
        if depth < MAX_DEPTH and b"\\" in data:
            inner = unescape(data)
            if inner != data and self._rules.is_suspicious(inner):
                spans += lift(self.scan_text(inner, depth + 1), data, inner, 0)
        if depth < MAX_DEPTH and hits:
            for line in _JSON_LINE.finditer(data):
                start, end = line.span()
                if end - start >= MIN_JSON and self._rules.is_suspicious(data, start, end) and is_json(line.group()):
                    # What a line that is JSON says is known better from inside, but a block of many lines may be
                    # written as string literals, of which each is a line of JSON too.
                    spans = [
                        span
                        for span in spans
                        if span.end <= start
                        or span.start >= end
                        or (self._rules.is_block(span) and (span.start < start or span.end > end))
                    ]
                    spans += [
                        Span(span.start + start, span.end + start, span.rule_id, span.secret)
                        for span in self.scan_json(line.group(), depth + 1)
                    ]
        return self._rules.merged(spans)

    def _scan_undecorated(self, data: bytes, hits: Sequence[tuple[int, int]]) -> list[Span]:
        """Secrets that only show where line numbers, signs of a diff and file names before the lines are gone."""
        spans: list[Span] = []
        for part in undecorated(data, (start for start, _ in hits)):
            if not self._rules.is_suspicious(part.text):
                continue
            for span in self._rules.plain(part.text):
                place = part.in_text(span.start, span.end)
                if place is not None:
                    spans.append(span._replace(start=place[0], end=place[1]))
        return spans


def _is_argument(data: bytes, tokens: list[tuple[int, int]], index: int, name: bytes) -> bool:
    """Whether this string is a flag of a list of arguments and the next one, no name of a field, what follows it."""
    if _FLAG.fullmatch(name) is None or _COMMA.fullmatch(data, tokens[index][1], tokens[index + 1][0]) is None:
        return False
    return COLON.match(data, tokens[index + 1][1]) is None
