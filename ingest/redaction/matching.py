"""Which rules match a text as it stands, and whether what they match is a secret: no JSON, no escapes."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import re2

from ingest.errors import IngestError
from ingest.redaction.alternatives import alternatives, united
from ingest.redaction.escapes import Span, whole_characters
from ingest.redaction.rules import CHECKS, TOKEN_BYTES, Rule, combine, compile_pattern, re2_options

MAX_VALUE = 1 << 10  # bytes; longer values are not searched for further names
LONG_TEXT = 1 << 12  # bytes; in longer texts only what stands around a hit says which rules to try
BEFORE_HIT, BEHIND_HIT = 1 << 8, 1 << 10  # bytes that belong to a hit

BLOCK_FAMILY = "key_block"  # secrets of many lines, which may stand line by line in an array or in string literals

NEVER = r"[^\x00-\xff]"  # matches no byte


class Choice:
    """Which of many patterns match somewhere in a text."""

    def __init__(self) -> None:
        self._set = re2.Set.SearchSet(re2_options(capture=False))
        self._numbers: list[int] = []

    def add(self, pattern: str, number: int) -> None:
        """Before `compile`. Several patterns may have the same number."""
        self._set.Add(pattern.encode("utf-8"))
        self._numbers.append(number)

    def compile(self) -> None:
        self._set.Compile()

    def of(self, data: bytes) -> set[int]:
        """The numbers of the patterns that match."""
        return {self._numbers[index] for index in self._set.Match(data) or ()} if self._numbers else set()


class Matcher:
    """The compiled rules. Immutable after construction."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        key_rules = [rule for rule in rules if rule.kind == "key"]
        self._key_rules = key_rules
        self._keys = Choice()
        for number, rule in enumerate(key_rules):
            self._keys.add(f"(?i)(?:{rule.pattern})$", number)
        names = combine([rule.pattern for rule in key_rules]) or NEVER
        self._finders: list[tuple[Rule, re2._Regexp, int, int]] = []
        # Automata of few patterns are small: those of names are asked only where a name and a syntax stand together.
        self._tokens, self._contexts, self._named = Choice(), Choice(), Choice()
        prefilters = [rule.prefilter for rule in rules if rule.kind == "escape"]
        after_names: list[str] = []
        cores = f"(?i:{united(rule.prefilter for rule in key_rules) or NEVER})"
        for rule in rules:
            if rule.kind not in ("token", "context", "syntax"):
                continue
            finder = compile_pattern(rule.pattern.replace("{{key}}", f"(?P<key>(?i:{names}))"))
            groups = {_text(name): group for name, group in finder.groupindex.items()}
            if rule.kind == "syntax" and "{{key}}" not in rule.prefilter:
                after_names.append(rule.prefilter)
                self._named.add(cores + rule.prefilter, len(self._finders))
            else:
                prefilters.append(rule.prefilter)
                for pattern in alternatives(rule.prefilter):
                    choice = self._tokens if rule.kind == "token" else self._contexts
                    choice.add(pattern.replace("{{key}}", cores), len(self._finders))
            self._finders.append((rule, finder, groups["secret"], groups.get("key", 0)))
        if not self._finders:
            raise IngestError("The redaction rules hold no rule that finds anything; restore the rule file.")
        for choice in (self._keys, self._tokens, self._contexts, self._named):
            choice.compile()
        # One list of names, then one of what may follow: much faster than every name with every syntax.
        any_named = f"{{{{key}}}}(?:{combine(after_names) or NEVER})"
        self._any_named = compile_pattern(any_named.replace("{{key}}", cores), capture=False)
        self._prefilter = compile_pattern(united([*prefilters, any_named]).replace("{{key}}", cores), capture=False)
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

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Where this looks as if it held a secret."""
        return [match.span() for match in self._prefilter.finditer(data)]

    def is_suspicious(self, data: bytes, start: int = 0, end: int | None = None) -> bool:
        """Whether it looks anywhere between these offsets as if it held a secret."""
        return self._prefilter.search(data, start, len(data) if end is None else end) is not None

    def begins_block(self, text: bytes) -> bool:
        """Whether a secret of many lines begins in this text."""
        return self._block_header.search(text) is not None

    def is_block(self, span: Span) -> bool:
        return span.rule_id in self._blocks

    def plain(self, data: bytes, hits: Sequence[tuple[int, int]] = ()) -> list[Span]:
        """Secrets by the rules alone. `hits` of a long text, where they are known, say which rules to try."""
        around = _surroundings(data, hits) if hits and len(data) > LONG_TEXT else data
        candidates = self._tokens.of(around) | self._contexts.of(around)
        if self._any_named.search(around) is not None:
            candidates |= self._named.of(around)
        return self._found(data, candidates)

    def in_context(self, data: bytes) -> list[Span]:
        """Secrets by the rules that know a value by what stands around it."""
        return [span for span in self._found(data, self._contexts.of(data)) if self._kinds[span.rule_id] == "context"]

    def _found(self, data: bytes, candidates: set[int]) -> list[Span]:
        """What these finders, in the order of their rules, take for a secret."""
        spans: list[Span] = []
        for rule, finder, secret_group, key_group in (self._finders[index] for index in sorted(candidates)):
            at = 0
            while (match := finder.search(data, at)) is not None:
                start, end = match.span(secret_group)
                secret = data[start:end]
                if not key_group:
                    found = rule if self._judge(rule, secret) else None
                else:
                    found = self.named(match.group(key_group), secret, frozenset(rule.checks), rule.min_length)
                if found is not None:
                    spans.append(whole_characters(data, Span(start, end, found.rule_id, secret)))
                # A value that is no secret may hold the name of the next one: go on behind the name (not for endless
                # values: `password=password=…` must not cost the square of its length).
                behind = end if found is not None or not key_group or end - start > MAX_VALUE else match.end(key_group)
                at = max(match.start() + 1, behind)
        if spans and b"[REDACTED:" in data:
            marks = [mark.span() for mark in TOKEN_BYTES.finditer(data)]
            ends = [end for _, end in marks]
            following = [bisect.bisect_right(ends, span.start) for span in spans]
            spans = [
                span
                for span, index in zip(spans, following, strict=True)
                if index == len(marks) or marks[index][0] >= span.end
            ]
        return spans

    def _judge(self, rule: Rule, secret: bytes) -> bool:
        return len(secret) >= rule.min_length and not self._allowed(secret, set(rule.checks))

    def named(self, name: bytes, secret: bytes, checks: frozenset[str], min_length: int = 0) -> Rule | None:
        """The key rule that makes this value a secret, or None."""
        if TOKEN_BYTES.search(secret):
            return None
        matching = self._keys.of(name)
        if not matching:
            return None
        rule = self._key_rules[min(matching)]
        long_enough = len(secret) >= max(rule.min_length, min_length)
        return rule if long_enough and not self._allowed(secret, {"format", *rule.checks, *checks}) else None

    def _allowed(self, secret: bytes, levels: set[str]) -> bool:
        """Whether one of the allow rows of these levels covers the whole value."""
        return any(level in levels and allow.fullmatch(secret) is not None for level, allow in self._allow.items())

    def merged(self, spans: list[Span]) -> list[Span]:
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


def _text(name: str | bytes) -> str:
    """Group names are bytes in a Latin-1 pattern."""
    return name.decode("ascii") if isinstance(name, bytes) else name
