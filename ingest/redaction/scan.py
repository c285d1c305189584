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
from ingest.redaction.pairs import COLON, value_of
from ingest.redaction.rules import CHECKS, Rule, combine, compile_pattern, re2_options
from ingest.redaction.views import LINES_AFTER, joined, undecorated

MAX_DEPTH = 8  # levels of text inside text
MIN_JSON = 8  # no shorter text can hold a name and a secret as JSON
MAX_NAME = 200  # bytes; a longer JSON name is no name
MAX_PAIR_VALUE = 1 << 14  # bytes; no header or client file has a longer one
MAX_VALUE = 1 << 10  # bytes; longer values are not searched for further names
LONG_TEXT = 1 << 12  # bytes; in longer texts only what stands around a hit says which rules to try
BEFORE_HIT, BEHIND_HIT = 1 << 8, 1 << 10  # bytes that belong to a hit
PAIR_GAP = 64  # longest run of blanks between a JSON name and its value that still counts as one pair

BLOCK_FAMILY = "key_block"  # secrets of many lines, which may stand line by line in an array or in string literals

NAMED = -1  # in a set of rules: any rule of a name and a syntax
NEVER = r"[^\x00-\xff]"  # matches no byte

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_MARK = re.compile(rb"\[REDACTED:[a-z0-9_]{2,40}:[A-Z2-7]{16}\]")
_JSON_LINE = re.compile(rb'^[ \t]*[\[{"][^\n]*$', re.MULTILINE)
_FLAG = re.compile(rb"--?[0-9A-Za-z_.-]+")
_COMMA = re.compile(rb"\s*,\s*")


class Scanner:
    """The compiled rules. Immutable after construction."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        key_rules = [rule for rule in rules if rule.kind == "key"]
        self._keys = [(rule, compile_pattern(f"(?i)(?:{rule.pattern})$", capture=False)) for rule in key_rules]
        names = combine([rule.pattern for rule in key_rules]) or NEVER
        self._finders: list[tuple[Rule, re2._Regexp, int, int]] = []
        # Two sets, because those of names are large: they are asked only where a name and a syntax stand together.
        self._which = re2.Set.SearchSet(re2_options(capture=False))
        self._which_named = re2.Set.SearchSet(re2_options(capture=False))
        self._of_set: list[int] = []  # the finder of each entry of the first set; NAMED for the entry of all names
        self._of_named: list[int] = []
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
                self._which_named.Add((cores + prefilter).encode("utf-8"))
                self._of_named.append(len(self._finders) - 1)
            else:
                prefilter = prefilter.replace("{{key}}", cores)
                prefilters.append(prefilter)
                self._which.Add(prefilter.encode("utf-8"))
                self._of_set.append(len(self._finders) - 1)
        if not self._finders:
            raise IngestError("The redaction rules hold no rule that finds anything; restore the rule file.")
        if after_names:  # one list of names, then one of what may follow: much faster than every name with every syntax
            prefilters.append(f"{cores}(?:{combine(after_names)})")
            self._which.Add(prefilters[-1].encode("utf-8"))
            self._of_set.append(NAMED)
            self._which_named.Compile()
        self._which.Compile()
        # Sorted: neighbours share what they begin with, which RE2 reads once.
        self._prefilter = compile_pattern(combine(sorted(prefilters)), capture=False)
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
            if index < done:
                continue
            if self._block_header.search(unescape(data[start + 1 : end - 1])) is None:
                found += self._scan_rows(data, tokens, index)
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

    def _scan_rows(self, data: bytes, tokens: list[tuple[int, int]], index: int) -> list[Span]:
        """Values whose name stands on an earlier line, where the lines are strings of an array."""
        run = tokens[index : min(strings_from(data, tokens, index), index + LINES_AFTER)]
        if len(run) < 2:
            return []
        texts = [unescape(data[start + 1 : end - 1]).rstrip(b"\n") for start, end in run]
        part = joined(texts)
        found: list[Span] = []
        for span in self._scan_plain(part.text):
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

    def scan_text(self, data: bytes, depth: int = 0) -> list[Span]:
        """Secrets in any text: by the rules, in JSON (one text, or lines) inside it, and under its escapes."""
        if len(data) < MIN_JSON:
            return self._scan_plain(data)
        head = data.lstrip()[:1]
        if depth and depth < MAX_DEPTH and head in (b"{", b"[", b'"') and is_json(data):
            return self.scan_json(data, depth)
        hits = [match.span() for match in self._prefilter.finditer(data)]
        spans = [*self._scan_plain(data, hits), *self._scan_undecorated(data, hits)] if hits else []
        if depth < MAX_DEPTH and b"\\" in data:
            inner = unescape(data)
            if inner != data and self._prefilter.search(inner) is not None:
                spans += lift(self.scan_text(inner, depth + 1), data, inner, 0)
        if depth < MAX_DEPTH and hits:
            for line in _JSON_LINE.finditer(data):
                start, end = line.span()
                if (
                    end - start >= MIN_JSON
                    and self._prefilter.search(data, start, end) is not None
                    and is_json(line.group())
                ):
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

    def _scan_undecorated(self, data: bytes, hits: Sequence[tuple[int, int]]) -> list[Span]:
        """Secrets that only show where line numbers, signs of a diff and file names before the lines are gone."""
        spans: list[Span] = []
        for part in undecorated(data, (start for start, _ in hits)):
            if self._prefilter.search(part.text) is None:
                continue
            for span in self._scan_plain(part.text):
                place = part.in_text(span.start, span.end)
                if place is not None:
                    spans.append(span._replace(start=place[0], end=place[1]))
        return spans

    def _scan_plain(self, data: bytes, hits: Sequence[tuple[int, int]] = ()) -> list[Span]:
        """Secrets by the rules alone. `hits` of a long text, where they are known, say which rules to try."""
        spans: list[Span] = []
        around = _surroundings(data, hits) if hits and len(data) > LONG_TEXT else data
        for rule, finder, secret_group, key_group in self._candidates(around):
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

    def _candidates(self, data: bytes) -> list[tuple[Rule, re2._Regexp, int, int]]:
        """The rules whose prefilter this text passes, in order."""
        which = {self._of_set[index] for index in self._which.Match(data) or ()}
        if NAMED in which:
            which.remove(NAMED)
            which.update(self._of_named[index] for index in self._which_named.Match(data) or ())
        return [self._finders[index] for index in sorted(which)]

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


def _surroundings(data: bytes, hits: Sequence[tuple[int, int]]) -> bytes:
    """What stands around the hits. Each rule's prefilter that matches somewhere overlaps one of them."""
    parts: list[bytes] = []
    done = 0
    for hit_start, hit_end in hits:
        start, end = max(hit_start - BEFORE_HIT, done), hit_end + BEHIND_HIT
        if end > done:
            parts.append(data[start:end])
            done = end
    return b"\n\n".join(parts)


def _is_argument(data: bytes, tokens: list[tuple[int, int]], index: int, name: bytes) -> bool:
    """Whether this string is a flag of a list of arguments and the next one, no name of a field, what follows it."""
    if _FLAG.fullmatch(name) is None or _COMMA.fullmatch(data, tokens[index][1], tokens[index + 1][0]) is None:
        return False
    return COLON.match(data, tokens[index + 1][1]) is None


def _text(name: str | bytes) -> str:
    """Group names are bytes in a Latin-1 pattern."""
    return name.decode("ascii") if isinstance(name, bytes) else name
