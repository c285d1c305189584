"""Patterns taken apart into their alternatives, so that those of all rules can be sorted and put together again.

RE2 builds its automaton while it reads, and what a new state costs is the number of alternatives that may begin at
each byte. Neighbours share what they begin with, but only if somebody opens their groups and sorts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_TAIL = 64  # characters of a pattern; what is longer is not written once for each alternative before it
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]|.", re.DOTALL)
_OPENING = re.compile(r"\(\?[a-zA-Z-]*:")
_UNCUTTABLE = re.compile(r"\(\?[a-zA-Z-]+\)|\\Q")  # flags for all that follows, and quoted text
_REPEATS = ("?", "*", "+", "{")


def alternatives(pattern: str) -> list[str]:
    """Patterns that match together what `pattern` matches: `(?:a|b)c|d` is `ac`, `bc` and `d`. The order is kept."""
    if _UNCUTTABLE.search(pattern):
        return [pattern]
    branches, _ = _cut(pattern)
    if len(branches) > 1:
        return [each for branch in branches for each in alternatives(branch)]
    opening, inside, behind = _head(pattern)
    if not opening or len(behind) > MAX_TAIL:
        return [pattern]
    if opening != "(?:":  # its flags are for what is inside
        return [f"{opening}{each}){behind}" for each in alternatives(inside)]
    return [each for branch in alternatives(inside) for each in alternatives(branch + behind)]


def united(patterns: Iterable[str]) -> str:
    """One pattern for all of them, in the form in which RE2 has least to do: it tells no longer which one matched."""
    single: set[str] = set()
    before: dict[str, list[str]] = {}  # by what follows a group, all that stands in such groups
    for each in (each for pattern in patterns for each in alternatives(pattern)):
        opening, inside, behind = _head(each)
        if opening == "(?:":
            before.setdefault(behind, []).append(inside)
        else:
            single.add(each)
    groups = [f"(?:{united(insides)}){behind}" for behind, insides in before.items()]
    return "|".join([*sorted(single, key=_beginning), *groups])


def _beginning(pattern: str) -> tuple[bool, str]:
    """What to sort by: RE2 joins letters of either case with such letters only."""
    opening, inside, behind = _head(pattern)
    return bool(opening), inside + behind if opening else pattern


def _head(pattern: str) -> tuple[str, str, str]:
    """The group that a pattern begins with: its opening, its inside, and what is behind it; empty texts if none."""
    opening = _OPENING.match(pattern)
    _, group_end = _cut(pattern)
    if opening is None or pattern.startswith(_REPEATS, group_end):
        return "", "", ""
    return opening.group(), pattern[opening.end() : group_end - 1], pattern[group_end:]


def _cut(pattern: str) -> tuple[list[str], int]:
    """The branches of the outermost alternation, and where the first group ends (0 if there is none)."""
    branches: list[str] = []
    depth = start = group_end = 0
    for piece in _PIECE.finditer(pattern):
        if piece.group() == "(":
            depth += 1
        elif piece.group() == ")":
            depth -= 1
            if not depth:
                group_end = group_end or piece.end()
        elif piece.group() == "|" and not depth:
            branches.append(pattern[start : piece.start()])
            start = piece.end()
    return [*branches, pattern[start:]], group_end
