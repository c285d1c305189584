"""Where the secrets of a text stand: exact, by position, at any depth of JSON and escapes. No replacing, no key.

All offsets are byte offsets. An inner text (a JSON string without its escapes) is searched on its own, and what is
found in it is mapped back to the offsets of the text around it, so that the caller replaces raw bytes and nothing else.
"""

from __future__ import annotations

import bisect
import codecs
import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import re2

from ingest.errors import IngestError
from ingest.redaction_rules import Rule, combine, compile_pattern, re2_options

MAX_DEPTH = 8  # levels of text inside text
MIN_JSON = 8  # no shorter text can hold a name and a secret as JSON
MAX_NAME = 200  # bytes; a longer JSON name is no name
MAX_PAIR_VALUE = 1 << 14  # bytes; no header or client file has a longer one
MAX_VALUE = 1 << 10  # bytes; longer values are not searched for further names
PAIR_GAP = 64  # longest run of blanks between a JSON name and its value that still counts as one pair

NEVER = r"[^\x00-\xff]"  # matches no byte

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_PAIR = rb"u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # the two halves of one character
_ESCAPE = re.compile(rb'\\(?:["\\/bfnrt]|' + _PAIR + rb"|u[0-9a-fA-F]{4})")
_MARK = re.compile(rb"\[REDACTED:[a-z0-9_]{2,40}:[A-Z2-7]{16}\]")
_JSON_LINE = re.compile(rb'^[ \t]*[\[{"][^\n]*$', re.MULTILINE)
_COLON = re.compile(rb"\s*:\s*")
_COMMA = re.compile(rb"\s*,\s*")
_SIMPLE = {b'"': b'"', b"\\": b"\\", b"/": b"/", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_NAME_FIELDS = {b"name", b"key", b"header", b"field"}


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
        json.loads(data.decode("latin-1"))
    except (ValueError, RecursionError):
        return False
    return True


def unescape(raw: bytes) -> bytes:
    """The text without JSON escapes; each becomes one byte (0x80 above U+00FF), what is no escape stays as it is."""
    if b"\\" not in raw:
        return raw
    try:  # the fast way, for what is the inside of a JSON string
        text = json.loads('"' + raw.decode("latin-1") + '"', strict=False)
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


def _raw_offsets(raw: bytes, wanted: Iterable[int]) -> list[int]:
    """Offsets in `raw` of offsets in `unescape(raw)`."""
    after: list[int] = []  # offset in the unescaped text just after each escape
    shifts: list[int] = []  # how many more bytes the raw text has up to there
    shift = 0
    for match in _ESCAPE.finditer(raw):
        shift += match.end() - match.start() - 1
        after.append(match.end() - shift)
        shifts.append(shift)
    offsets = []
    for offset in wanted:
        index = bisect.bisect_right(after, offset) - 1
        offsets.append(offset + (shifts[index] if index >= 0 else 0))
    return offsets


class Scanner:
    """The compiled rules. Immutable after construction."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        key_rules = [rule for rule in rules if rule.kind == "key"]
        self._keys = [(rule, compile_pattern(f"(?i)(?:{rule.pattern})$", capture=False)) for rule in key_rules]
        names = combine([rule.pattern for rule in key_rules]) or NEVER
        self._finders: list[tuple[Rule, re2._Regexp, int, int]] = []
        self._which = re2.Set.SearchSet(re2_options(capture=False))
        prefilters: list[str] = []
        after_names: list[str] = []
        cores = f"(?i:{combine([rule.prefilter for rule in key_rules]) or NEVER})"
        for rule in rules:
            if rule.kind == "escape":
                prefilters.append(rule.prefilter)
            if rule.kind not in ("token", "context", "syntax"):
                continue
            finder = compile_pattern(rule.pattern.replace("{{key}}", f"(?P<key>(?i:{names}))"))
            groups = {_text(name): group for name, group in finder.groupindex.items()}
            self._finders.append((rule, finder, groups["secret"], groups.get("key", 0)))
            prefilter = rule.prefilter
            if rule.kind == "syntax" and "{{key}}" not in prefilter:
                after_names.append(prefilter)
                prefilter = cores + prefilter
            else:
                prefilter = prefilter.replace("{{key}}", cores)
                prefilters.append(prefilter)
            self._which.Add(prefilter.encode("utf-8"))
        if not self._finders:
            raise IngestError("The redaction rules hold no rule that finds anything; restore the rule file.")
        self._which.Compile()
        if after_names:  # one list of names, then one of what may follow: much faster than every name with every syntax
            prefilters.append(f"{cores}(?:{combine(after_names)})")
        self._prefilter = compile_pattern(combine(prefilters), capture=False)
        self._allow = {
            level: compile_pattern(combine(patterns), capture=False)
            for level in ("format", "value", "weak", "bare")
            if (patterns := [rule.pattern for rule in rules if rule.kind == "allow" and level in rule.checks])
        }
        self._kinds = {rule.rule_id: rule.kind for rule in rules}
        self._rank = {rule.rule_id: rank for rank, rule in enumerate(rules)}

    def first_hit(self, data: bytes, start: int) -> int | None:
        """Where the next line begins to look as if it held a secret."""
        match = self._prefilter.search(data, start)
        return None if match is None else match.start()

    def scan_json(self, data: bytes, depth: int = 0) -> list[Span]:
        """Secrets in the strings of valid JSON, by position, not overlapping, none of them across a quote."""
        hits = [match.span() for match in self._prefilter.finditer(data)]
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
        return self._merge(spans)

    def _scan_string(self, data: bytes, start: int, end: int, depth: int) -> list[Span]:
        raw = data[start:end]
        inner = unescape(raw)
        return _lift(self.scan_text(inner, depth + 1), raw, inner, start)

    def _scan_pair(self, data: bytes, tokens: list[tuple[int, int]], index: int) -> list[Span]:
        """`"name": "value"`, `"--name", "value"` and `"name": "NAME", "value": "value"`, if the name is a secret's."""
        start, end = tokens[index]
        name = unescape(data[start + 1 : end - 1])
        if index + 1 >= len(tokens) or len(name) > MAX_NAME:
            return []
        between = data[end : min(tokens[index + 1][0], end + PAIR_GAP)]
        value = index + 1
        if _COLON.fullmatch(between) is None:
            if _COMMA.fullmatch(between) is None:
                return []
            if not name.startswith(b"-"):
                value = self._value_field(data, tokens, index)
                if value < 0:
                    return []
        value_start, value_end = tokens[value]
        raw = data[value_start + 1 : value_end - 1]
        secret = unescape(raw)
        rule = self._judge_named(name, secret, frozenset(("value",)))
        if rule is not None:
            return [Span(value_start + 1, value_end - 1, rule.rule_id, secret)]
        if len(secret) > MAX_PAIR_VALUE:
            return []
        head = (
            b'"' + name.lstrip(b"-") + b'": "'
        )  # the pair as text, for the rules that know a value by what stands before it
        spans = [
            Span(max(span.start - len(head), 0), span.end - len(head), span.rule_id, span.secret)
            for span in self._scan_plain(head + secret + b'"')
            if self._kinds[span.rule_id] == "context" and len(head) < span.end <= len(head) + len(secret)
        ]
        return _lift(spans, raw, secret, value_start + 1)

    @staticmethod
    def _value_field(data: bytes, tokens: list[tuple[int, int]], index: int) -> int:
        """The index of the value in `{"name": "<this>", "value": "…"}`, or -1."""
        if index < 1 or index + 2 >= len(tokens):
            return -1
        field, this, label, value = tokens[index - 1 : index + 3]
        fits = (
            data[field[0] + 1 : field[1] - 1].lower() in _NAME_FIELDS
            and _COLON.fullmatch(data[field[1] : this[0]]) is not None
            and data[label[0] + 1 : label[1] - 1].lower() == b"value"
            and _COLON.fullmatch(data[label[1] : value[0]]) is not None
        )
        return index + 2 if fits else -1

    def scan_text(self, data: bytes, depth: int = 0) -> list[Span]:
        """Secrets in any text: by the rules, in JSON (one text, or lines) inside it, and under its escapes."""
        if len(data) < MIN_JSON:
            return self._scan_plain(data)
        head = data.lstrip()[:1]
        if depth and depth < MAX_DEPTH and head in (b"{", b"[", b'"') and is_json(data):
            return self.scan_json(data, depth)
        spans = self._scan_plain(data)
        if depth < MAX_DEPTH and b"\\" in data:
            inner = unescape(data)
            if inner != data and self._prefilter.search(inner) is not None:
                spans += _lift(self.scan_text(inner, depth + 1), data, inner, 0)
        if depth < MAX_DEPTH and self._prefilter.search(data) is not None:
            for line in _JSON_LINE.finditer(data):
                start, end = line.span()
                if end - start >= MIN_JSON and is_json(line.group()):
                    spans = [span for span in spans if span.end <= start or span.start >= end]
                    spans += [
                        Span(span.start + start, span.end + start, span.rule_id, span.secret)
                        for span in self.scan_json(line.group(), depth + 1)
                    ]
        return self._merge(spans)

    def _scan_plain(self, data: bytes) -> list[Span]:
        spans: list[Span] = []
        for which in sorted(self._which.Match(data) or ()):
            rule, finder, secret_group, key_group = self._finders[which]
            at = 0
            while (match := finder.search(data, at)) is not None:
                start, end = match.span(secret_group)
                secret = data[start:end]
                if not key_group:
                    found = rule if self._judge(rule, secret) else None
                else:
                    found = self._judge_named(match.group(key_group), secret, frozenset(rule.checks), rule.min_length)
                if found is not None:
                    spans.append(_whole_characters(data, Span(start, end, found.rule_id, secret)))
                # A value that is no secret may hold the name of the next one: go on behind the name (not for endless
                # values: `password=password=…` must not cost the square of its length).
                behind = end if found is not None or not key_group or end - start > MAX_VALUE else match.end(key_group)
                at = max(match.start() + 1, behind)
        if spans and b"[REDACTED:" in data:
            marks = [mark.span() for mark in _MARK.finditer(data)]
            spans = [span for span in spans if all(span.end <= start or span.start >= end for start, end in marks)]
        return spans

    def _judge(self, rule: Rule, secret: bytes) -> bool:
        return len(secret) >= rule.min_length and not self._allowed(secret, {"format", *rule.checks})

    def _judge_named(self, name: bytes, secret: bytes, checks: frozenset[str], min_length: int = 0) -> Rule | None:
        """The key rule that makes this value a secret, or None."""
        if _MARK.search(secret):
            return None
        for rule, pattern in self._keys:
            if pattern.search(name) is not None:
                long_enough = len(secret) >= max(rule.min_length, min_length)
                return rule if long_enough and not self._allowed(secret, {"format", *rule.checks, *checks}) else None
        return None

    def _allowed(self, secret: bytes, levels: set[str]) -> bool:
        """Whether one of the allow rows of these levels covers the whole value."""
        return any(level in levels and allow.fullmatch(secret) is not None for level, allow in self._allow.items())

    def _merge(self, spans: list[Span]) -> list[Span]:
        """Overlapping spans become one that covers them all, under the rule that covers most, then the first rule."""
        merged: list[Span] = []
        for span in sorted(spans):
            if not merged or span.start >= merged[-1].end:
                merged.append(span)
                continue
            last = merged[-1]
            best = min(last, span, key=lambda s: (s.start - s.end, self._rank[s.rule_id]))
            merged[-1] = best._replace(start=last.start, end=max(last.end, span.end))
        return merged


def _text(name: str | bytes) -> str:
    """Group names are bytes in a Latin-1 pattern."""
    return name.decode("ascii") if isinstance(name, bytes) else name


def _lift(spans: list[Span], raw: bytes, inner: bytes, start: int) -> list[Span]:
    """Spans of an unescaped text, in the offsets of the raw one that begins at `start`."""
    if not spans or len(raw) == len(inner):
        return [Span(span.start + start, span.end + start, span.rule_id, span.secret) for span in spans]
    offsets = _raw_offsets(raw, [offset for span in spans for offset in (span.start, span.end)])
    return [
        Span(offsets[2 * i] + start, offsets[2 * i + 1] + start, span.rule_id, span.secret)
        for i, span in enumerate(spans)
    ]


def _whole_characters(data: bytes, span: Span) -> Span:
    """Moves the ends to character borders, so that a replaced secret never leaves half a UTF-8 character."""
    start, end = span.start, span.end
    while start > 0 and span.start - start < 3 and 0x80 <= data[start] <= 0xBF and data[start - 1] >= 0x80:
        start -= 1
    while end < len(data) and end - span.end < 3 and 0x80 <= data[end] <= 0xBF and data[end - 1] >= 0x80:
        end += 1
    return span if (start, end) == (span.start, span.end) else Span(start, end, span.rule_id, data[start:end])
