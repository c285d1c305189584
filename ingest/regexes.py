"""Regular expressions that mean the same in RE2 (DuckDB) and in Java (Spark).

RE2 itself says what it cannot compile; the rest is read from the expression's text. What both compile and read
differently at the edges (`$` before a last line end, the white space of `\\s`) is left alone.
"""

from __future__ import annotations

import re

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

# What may follow "(?": a group without a number, or flags that both know.
_GROUP = re.compile(r"\(\?(?::|[ims]*(?:-[ims]+)?[:)])")
_QUANTIFIER = re.compile(r"\{\d+(?:,\d*)?\}")
_BRACED = re.compile(r"\\[pPx]\{[^}]*\}")
_PROPERTY = re.compile(r"\\[pP](?:[A-Z]|\{[A-Z][a-z]?\})")
# Letters that stand for the same in both behind a backslash.
_ESCAPES = frozenset("adDfnrsStwWbBAxpP")


def regex_problems(pattern: str) -> list[str]:
    """Why the expression cannot be used; empty where it can."""
    problems = list(dict.fromkeys(_differences(pattern)))
    if problems:
        return problems
    try:
        re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        return [f"RE2: {reason.decode('utf-8', 'replace') if isinstance(reason, bytes) else reason}"]
    return []


def _differences(pattern: str) -> list[str]:
    """What one of the two engines lacks or reads in its own way, in the order of the text."""
    found: list[str] = []
    position = 0
    in_class = False
    after_quantifier = False
    while position < len(pattern):
        rest = pattern[position:]
        is_quantifier = False
        step = 1
        if rest[0] == "\\":
            step, problem = _escape(rest, in_class=in_class)
            if problem:
                found.append(problem)
        elif in_class:
            if rest[0] == "]":
                in_class = False
            elif rest.startswith("[:"):
                found.append("a POSIX class: write the characters")
            elif rest[0] == "[":
                found.append("a bare [ inside [...]: write \\[")
            elif rest.startswith("&&"):
                found.append("&& inside [...]: an intersection in Java")
        elif rest[0] == "[":
            in_class = True
            # A ] that comes first is a character of the class.
            step = 2 if rest.startswith("[^") else 1
            if rest[step : step + 1] == "]":
                found.append("a ] that begins a class: write \\]")
                step += 1
        elif rest.startswith("(?"):
            found.extend(_group(rest))
            step = 2
        elif rest[0] == "{":
            quantifier = _QUANTIFIER.match(rest)
            if quantifier:
                step, is_quantifier = quantifier.end(), True
            else:
                found.append("a { that is no repetition: write \\{")
        elif rest[0] in "*+?":
            is_quantifier = True
        if is_quantifier and after_quantifier and rest[0] == "+":
            found.append("a possessive quantifier")
        # "a+?" is lazy, and ends the quantifier.
        after_quantifier = is_quantifier and not (after_quantifier and rest[0] == "?")
        position += step
    return found


def _escape(rest: str, *, in_class: bool) -> tuple[int, str | None]:
    letter = rest[1:2]
    braced = _BRACED.match(rest)
    length = braced.end() if braced else 2
    if letter in ("p", "P") and not _PROPERTY.match(rest):
        return length, "a property other than a category such as \\p{L}"
    if letter.isdigit():
        return 2, "a back reference or an octal number"
    if letter.isalpha() and (letter not in _ESCAPES or (in_class and letter in "bBA")):
        return 2, f"\\{letter}"
    return length, None


def _group(rest: str) -> list[str]:
    if rest.startswith(("(?=", "(?!", "(?<=", "(?<!")):
        return ["a look around"]
    if rest.startswith(("(?P", "(?<")):
        return ["a named group"]
    if rest.startswith("(?>"):
        return ["an atomic group"]
    if not _GROUP.match(rest):
        return ["flags other than i, m and s"]
    return []
