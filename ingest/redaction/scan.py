"""Where the secrets of a text stand: exact, by position, at any depth of JSON and escapes. No replacing, no key.

All offsets are byte offsets. An inner text (a JSON string without its escapes) is searched on its own, and what is
found in it is mapped back to the offsets of the text around it, so that the caller replaces raw bytes and nothing else.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

import re2

from ingest.errors import IngestError
from ingest.redaction.blocks import pieces, strings_from
from ingest.redaction.escapes import Span, is_json, lift, unescape, whole_characters
from ingest.redaction.rules import CHECKS, Rule, combine, compile_pattern, re2_options

MAX_DEPTH = 8  # levels of text inside text
MIN_JSON = 8  # no shorter text can hold a name and a secret as JSON
MAX_NAME = 200  # bytes; a longer JSON name is no name
MAX_PAIR_VALUE = 1 << 14  # bytes; no header or client file has a longer one
MAX_VALUE = 1 << 10  # bytes; longer values are not searched for further names
PAIR_GAP = 64  # longest run of blanks between a JSON name and its value that still counts as one pair

BLOCK_FAMILY = "key_block"  # secrets of many lines, which may stand line by line in an array or in string literals

NEVER = r"[^\x00-\xff]"  # matches no byte

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_MARK = re.compile(rb"\[REDACTED:[a-z0-9_]{2,40}:[A-Z2-7]{16}\]")
_JSON_LINE = re.compile(rb'^[ \t]*[\[{"][^\n]*$', re.MULTILINE)
_COLON = re.compile(rb"\s*:\s*")
_COMMA = re.compile(rb"\s*,\s*")
_NAME_FIELDS = {b"name", b"key", b"header", b"field"}


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
            for level in CHECKS
            if (patterns := [rule.pattern for rule in rules if rule.kind == "allow" and level in rule.checks])
        }
        self._kinds = {rule.rule_id: rule.kind for rule in rules}
        self._blocks = {rule.rule_id for rule in rules if rule.family == BLOCK_FAMILY}
        headers = [rule.prefilter for rule in rules if rule.rule_id in self._blocks]
        self._block_header = compile_pattern(combine(headers) or NEVER, capture=False)
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
        parts = self._scan_arrays(data, tokens, sorted(suspects))
        if parts:  # what one string alone showed of a block is the same secret, not another one
            spans = [span for span in spans if not any(p.start <= span.start and span.end <= p.end for p in parts)]
        return self._merge(spans + parts)

    def _scan_arrays(self, data: bytes, tokens: list[tuple[int, int]], suspects: list[int]) -> list[Span]:
        """The parts of blocks whose lines are strings of an array. All parts of one block carry the whole block."""
        found: list[Span] = []
        done = 0  # strings before this one have been read
        for index in suspects:
            start, end = tokens[index]
            if index < done or self._block_header.search(unescape(data[start + 1 : end - 1])) is None:
                continue
            done = strings_from(data, tokens, index)
            run = tokens[index:done]
            texts = [unescape(data[start + 1 : end - 1]) for start, end in run]
            for block in self._scan_plain(b"\n".join(texts)) if len(run) > 1 else ():
                if block.rule_id not in self._blocks:
                    continue
                for which, first, last in pieces(texts, block.start, block.end):
                    raw_start, raw_end = run[which][0] + 1, run[which][1] - 1
                    part = [Span(first, last, block.rule_id, block.secret)]
                    found += lift(part, data[raw_start:raw_end], texts[which], raw_start)
        return found

    def _scan_string(self, data: bytes, start: int, end: int, depth: int) -> list[Span]:
        raw = data[start:end]
        inner = unescape(raw)
        return lift(self.scan_text(inner, depth + 1), raw, inner, start)

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
        # the pair as text, for the rules that know a value by what stands before it
        head = b'"' + name.lstrip(b"-") + b'": "'
        spans = [
            Span(max(span.start - len(head), 0), span.end - len(head), span.rule_id, span.secret)
            for span in self._scan_plain(head + secret + b'"')
            if self._kinds[span.rule_id] == "context" and len(head) < span.end <= len(head) + len(secret)
        ]
        return lift(spans, raw, secret, value_start + 1)

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
                spans += lift(self.scan_text(inner, depth + 1), data, inner, 0)
        if depth < MAX_DEPTH and self._prefilter.search(data) is not None:
            for line in _JSON_LINE.finditer(data):
                start, end = line.span()
                if end - start >= MIN_JSON and is_json(line.group()):
                    # What a line that is JSON says is known better from inside, but a block of many lines may be
                    # written as string literals, of which each is a line of JSON too.
                    spans = [
                        span
                        for span in spans
                        if span.end <= start
                        or span.start >= end
                        or (span.rule_id in self._blocks and (span.start < start or span.end > end))
                    ]
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
                    spans.append(whole_characters(data, Span(start, end, found.rule_id, secret)))
                # A value that is no secret may hold the name of the next one: go on behind the name (not for endless
                # values: `password=password=…` must not cost the square of its length).
                behind = end if found is not None or not key_group or end - start > MAX_VALUE else match.end(key_group)
                at = max(match.start() + 1, behind)
        if spans and b"[REDACTED:" in data:
            marks = [mark.span() for mark in _MARK.finditer(data)]
            spans = [span for span in spans if all(span.end <= start or span.start >= end for start, end in marks)]
        return spans

    def _judge(self, rule: Rule, secret: bytes) -> bool:
        return len(secret) >= rule.min_length and not self._allowed(secret, set(rule.checks))

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
