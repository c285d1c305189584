"""Which rules match a text as it stands, and whether what they match is a secret: no JSON, no escapes."""

from __future__ import annotations

from collections.abc import Sequence

import re2

from ingest.errors import IngestError
from ingest.redaction.escapes import Span, whole_characters
from ingest.redaction.rules import CHECKS, TOKEN_BYTES, Rule, combine, compile_pattern, re2_options

MAX_VALUE = 1 << 10  # bytes; longer values are not searched for further names
LONG_TEXT = 1 << 12  # bytes; in longer texts only what stands around a hit says which rules to try
BEFORE_HIT, BEHIND_HIT = 1 << 8, 1 << 10  # bytes that belong to a hit

BLOCK_FAMILY = "key_block"  # secrets of many lines, which may stand line by line in an array or in string literals

NAMED = -1  # in a set of rules: any rule of a name and a syntax
NEVER = r"[^\x00-\xff]"  # matches no byte


class Matcher:
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

    def is_in_context(self, span: Span) -> bool:
        """Whether the rule knows this value by what stands around it."""
        return self._kinds[span.rule_id] == "context"

    def plain(self, data: bytes, hits: Sequence[tuple[int, int]] = ()) -> list[Span]:
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
                    found = self.named(match.group(key_group), secret, frozenset(rule.checks), rule.min_length)
                if found is not None:
                    spans.append(whole_characters(data, Span(start, end, found.rule_id, secret)))
                # A value that is no secret may hold the name of the next one: go on behind the name (not for endless
                # values: `password=password=…` must not cost the square of its length).
                behind = end if found is not None or not key_group or end - start > MAX_VALUE else match.end(key_group)
                at = max(match.start() + 1, behind)
        if spans and b"[REDACTED:" in data:
            marks = [mark.span() for mark in TOKEN_BYTES.finditer(data)]
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

    def named(self, name: bytes, secret: bytes, checks: frozenset[str], min_length: int = 0) -> Rule | None:
        """The key rule that makes this value a secret, or None."""
        if TOKEN_BYTES.search(secret):
            return None
        for rule, pattern in self._keys:
            if pattern.search(name) is not None:
                long_enough = len(secret) >= max(rule.min_length, min_length)
                return rule if long_enough and not self._allowed(secret, {"format", *rule.checks, *checks}) else None
        return None

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
