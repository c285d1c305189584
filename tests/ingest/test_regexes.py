"""Regular expressions for RE2 and Java. What Java says of each was looked up with Java 17, once."""

from __future__ import annotations

import pytest

from ingest.regexes import regex_problems

BOTH = (
    r"a+?b{2,3}?c}]",
    r"(?i)\bfix(?:es|ed)?\b",
    r"(?is:a)|(?-i:b)",
    r"[\w.-]+[^\n\]][*+?{}]",
    r"\/\-\_\"\<\{\[\+\+",
    r"\A\d\D\s\S\W\t$",
    r"\p{L}\pL\P{Lu}\x41\x{1F600}",
    r"[\p{Lu}\x{41}-]{2}",
    "",
)
# Expression → a word of what is wrong with it.
NOT_BOTH = {
    r"a(?=b)": "look around",
    r"(?<!a)b": "look around",
    r"(a)\1": "back reference",
    r"(?P<n>a)": "named group",  # Java refuses it
    r"(?<n>a)": "named group",  # RE2 in DuckDB refuses it
    r"(?>a)": "atomic",
    r"a++": "possessive",
    r"a{2}+": "possessive",
    r"[[:alpha:]]": "POSIX",  # Java reads a class of letters of the word
    r"[^[]": "bare [",  # Java refuses it
    r"[a&&b]": "&&",  # Java reads an intersection
    r"[]a]": "begins a class",
    r"a{x}": "no repetition",  # Java refuses it
    r"a{,3}": "no repetition",
    r"\z": r"\z",
    r"\v": r"\v",  # Java: any vertical white space
    r"\C": r"\C",  # Java refuses it
    r"\Q.\E": r"\Q",
    r"[\b]": r"\b",
    r"\p{Greek}": "property",  # Java refuses it
    r"(?x)a": "flags",
    r"(?U)a": "flags",  # lazy in RE2, Unicode classes in Java
    r"a**": "RE2",
    r"(a": "RE2",
}


@pytest.mark.parametrize("pattern", BOTH)
def test_it_is_one_for_both(pattern: str) -> None:
    assert regex_problems(pattern) == []


@pytest.mark.parametrize("pattern", NOT_BOTH)
def test_it_is_not_one_for_both(pattern: str) -> None:
    assert NOT_BOTH[pattern] in "; ".join(regex_problems(pattern))


def test_what_looks_like_it_but_is_escaped_or_in_a_class() -> None:
    for pattern in (r"\(?=b", r"[(?=]", r"\\1", r"a+\+", r"\[\[:alpha:\]\]", r"[a\[b]", r"a?b+"):
        assert regex_problems(pattern) == [], pattern
