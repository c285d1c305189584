"""Every example of every rule is found behind what tools put before lines, and under the colours of a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ingest.redaction import DEFAULT_RULES
from ingest.redaction.colours import lift_colours, without_colours
from ingest.redaction.escapes import Span
from ingest.redaction.rules import expand_example, read_rules
from tests.redaction.helpers import GITHUB, PASSWORD, REDACTOR, redacted

WHOLE = 8  # characters of a random part that must not be left


def _numbered(form: str) -> Callable[[list[str]], str]:
    return lambda lines: "\n".join(form.format(number, line) for number, line in enumerate(lines, 7))


def _coloured_words(lines: list[str]) -> str:
    return "\n".join(" ".join(f"\x1b[1;33m{word}\x1b[0m" for word in line.split(" ")) for line in lines)


VIEWS: dict[str, Callable[[list[str]], str]] = {
    "line numbers and arrows": _numbered("{:6d}→{}"),
    "line numbers and tabs": _numbered("{:6d}\t{}"),
    "line numbers and bars": _numbered("{:3d} | {}"),
    "names of files": _numbered("src/app/conf.x:{}:{}"),
    "names of files, lines around": _numbered("src/app/conf.x-{}-{}"),
    "added lines": _numbered("+{1}"),
    "removed lines": _numbered("-{1}"),
    "context lines": _numbered(" {1}"),
    "quoted lines": _numbered("> {1}"),
    "indented lines": _numbered("    {1}"),
    "windows": "\r\n".join,
    "coloured lines": _numbered("\x1b[32m{1}\x1b[0m"),
    "coloured diff": _numbered("\x1b[32m+\x1b[m\x1b[32m{1}\x1b[m"),
    "coloured words": _coloured_words,
}


def _examples() -> list[tuple[str, str, list[str]]]:
    """Rule, text and secrets of each example that is found as it stands."""
    found = []
    for rule in read_rules(DEFAULT_RULES):
        for template in rule.match_examples if rule.protects == "secret" else ():
            text, parts = expand_example(template)
            secrets = [part for part in parts if len(part) >= WHOLE]
            if secrets and not any(secret in REDACTOR.redact_text(text) for secret in secrets):
                found.append((rule.rule_id, text, secrets))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_each_example_is_found_in_each_view(view: str, ascii_only: bool) -> None:
    examples = _examples()
    assert len(examples) > 300
    missed = []
    for rule_id, text, secrets in examples:
        shown = VIEWS[view](["# first line", "import os", *text.split("\n"), "", "the end"])
        line = json.dumps({"content": shown}, ensure_ascii=ascii_only).encode()
        left = json.loads(redacted(line))["content"]
        if any(secret in left for secret in secrets if secret in shown):
            missed.append(rule_id)
    assert missed == []


@pytest.mark.parametrize(
    "before",
    [
        "web_1      | ",
        "2026-01-02T03:04:05.678Z INFO ",
        "2026-01-02 03:04:05,678 [WARNING]: ",
        "build\tRun it\t2026-01-02T03:04:05Z ",
    ],
)
def test_times_and_services_of_a_log_hide_nothing(before: str) -> None:
    text = f"{before}# env\n{before}ADMIN_PASSWORD={PASSWORD}\n{before}PORT=1"
    assert PASSWORD not in REDACTOR.redact_text(text)
    assert REDACTOR.redact_text(text).count(before) == 3


def test_a_secret_has_the_same_token_under_colours_which_stay_around_it() -> None:
    plain = REDACTOR.redact_text(f"token: {GITHUB}")
    token = plain.removeprefix("token: ")
    assert REDACTOR.redact_text(f"\x1b[1mtoken\x1b[0m: \x1b[33m{GITHUB}\x1b[0m\n") == (
        f"\x1b[1mtoken\x1b[0m: \x1b[33m{token}\x1b[0m\n"
    )
    halves = f"\x1b[33m{GITHUB[:12]}\x1b[31m{GITHUB[12:]}\x1b[0m"
    assert REDACTOR.redact_text(halves) == f"\x1b[33m{token}\x1b[0m"


def test_positions_under_colours() -> None:
    data = b"a\x1b[1mbc\x1b[0m\x1b[2md\x1b[0m"
    assert without_colours(data) == b"abcd"
    lifted = lift_colours([Span(0, 1, "r", b"a"), Span(1, 3, "r", b"bc"), Span(2, 4, "r", b"cd")], data)
    assert [data[span.start : span.end] for span in lifted] == [b"a", b"bc", b"c\x1b[0m\x1b[2md"]
    assert lift_colours([Span(1, 2, "r", b"")], b"\x1b[xy\x1b[") == [Span(4, 5, "r", b"")]
