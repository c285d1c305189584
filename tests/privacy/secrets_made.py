"""Secrets made at run time, and redactors: one with all rules, one as it was before two of them were known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ingest.redaction import DEFAULT_RULES, Redactor
from ingest.redaction.rules import expand_example, read_rules

KEY = bytes(range(32))
LATER = ("github_token", "stripe_key")  # rules that came after the archive


def made(template: str, seed: int = 0) -> str:
    return expand_example(template, seed)[0]


GITHUB = made("gh{{repeat:p:1}}_{{alnum:36}}", 1)
STRIPE = made("sk_{{repeat:live:1}}_{{alnum:30}}", 2)
AWS = "AK" + "IA" + made("{{upper:16}}", 3)


@cache
def present() -> Redactor:
    return Redactor.load(KEY)


@cache
def earlier() -> Redactor:
    return Redactor([rule for rule in read_rules(DEFAULT_RULES) if rule.rule_id not in LATER], KEY)


def write_key(data: Path) -> None:
    """The key of these redactors for a data directory."""
    data.mkdir(parents=True, exist_ok=True)
    (data / ".redaction_key").write_text(KEY.hex() + "\n")
