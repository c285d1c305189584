"""Patterns taken apart and put together again match what they matched before."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.redaction import DEFAULT_RULES
from ingest.redaction.alternatives import alternatives, united
from ingest.redaction.rules import combine, compile_pattern, read_rules

WORDS = ["".join(letters) for length in range(5) for letters in itertools.product("abA|", repeat=length)]
PREFILTERS = [
    rule.prefilter for rule in read_rules(DEFAULT_RULES) if rule.prefilter and "{{key}}" not in rule.prefilter
]
BEFORE, AFTER = compile_pattern(combine(PREFILTERS)), compile_pattern(united(PREFILTERS))

PIECES = st.sampled_from(["a", "b", r"\|", "[a|]", "[^|)(]", "[]b]", "b?", "a{2}", "$", ""])
PATTERNS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda branches: "(?:" + "|".join(branches) + ")"),
        st.tuples(st.sampled_from(["(?:", "(?i:", "(?-i:"]), inner, st.sampled_from([")", ")?", ")*", "){2}"])).map(
            "".join
        ),
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?:a|b)c|d", ["ac", "bc", "d"]),
        ("(?:a|(?:b|c)d)e", ["ae", "bde", "cde"]),
        ("(?i:a|b)c", ["(?i:a)c", "(?i:b)c"]),
        ("(?:a|b)+c", ["(?:a|b)+c"]),
        (r"[)|(]\|a", [r"[)|(]\|a"]),
        ("[]|]a|b", ["[]|]a", "b"]),
        ("(?i)a|b", ["(?i)a|b"]),
        ("(?:a|b)" + "c" * 65, ["(?:a|b)" + "c" * 65]),
    ],
)
def test_alternatives_are_told_one_by_one_in_their_order(pattern: str, expected: list[str]) -> None:
    assert alternatives(pattern) == expected


def test_what_follows_several_groups_is_written_once() -> None:
    tail = "c" * 65
    assert united([f"(?:b|a){tail}", f"(?:d|(?:c|a)){tail}", "x|w"]) == f"w|x|(?:a|b|c|d){tail}"


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.lists(PATTERNS, min_size=1, max_size=3))
def test_any_patterns_match_the_same_words(patterns: list[str]) -> None:
    before = compile_pattern(combine(patterns))
    after = compile_pattern(united(patterns))
    apart = [compile_pattern(each) for pattern in patterns for each in alternatives(pattern)]
    for word in WORDS:
        text = word.encode()
        expected = before.fullmatch(text) is not None
        assert (after.fullmatch(text) is not None) == expected
        assert any(each.fullmatch(text) is not None for each in apart) == expected


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_the_prefilters_of_the_rules_match_the_same_texts(data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(PREFILTERS))
    text = data.draw(st.from_regex(pattern.encode("utf-8"))) + data.draw(st.binary(max_size=8))
    text = text[: data.draw(st.integers(0, len(text)))]
    before, after = BEFORE.search(text), AFTER.search(text)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert before.start() == after.start()
