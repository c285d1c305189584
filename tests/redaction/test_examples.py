"""Every rule by its own examples: what it must find, and what it must leave."""

from __future__ import annotations

import json
import re

import pytest

from ingest.redaction.rules import expand_example
from tests.redaction.helpers import REDACTOR, RULES, line, redacted

MATCHES = [(rule.rule_id, template) for rule in RULES for template in rule.match_examples]
NO_MATCHES = [(rule.rule_id, template) for rule in RULES for template in rule.no_match_examples]


@pytest.mark.parametrize(("rule_id", "template"), MATCHES)
def test_what_a_rule_must_find(rule_id: str, template: str) -> None:
    for seed in range(3):
        text, parts = expand_example(template, seed)
        long_parts = [part for part in parts if len(part) >= 8]
        result = REDACTOR.redact_text(text)
        assert rule_id in re.findall(r"\[REDACTED:([a-z0-9_]+):", result)
        assert not [part for part in long_parts if part in result]
        assert REDACTOR.redact_text(result) == result
        # the same text as a string of JSON in JSON in JSON, and inside a longer text
        nested = line({"a": json.dumps({"b": json.dumps([f"see:\n{text}\nend"])})})
        deep = redacted(nested)
        assert not [part for part in long_parts if part.encode() in deep]
        inner = json.loads(json.loads(json.loads(deep)["a"])["b"])[0]
        assert inner.startswith("see:\n") and inner.endswith("\nend")


@pytest.mark.parametrize(("rule_id", "template"), NO_MATCHES)
def test_what_a_rule_must_leave(rule_id: str, template: str) -> None:
    text, _ = expand_example(template, 1)
    assert REDACTOR.redact_text(text) == text
    for data in (line({"content": text}), line({"a": json.dumps({"b": text})})):
        assert REDACTOR.redact_jsonl(data) == (data, [])


def test_every_rule_that_finds_has_both_kinds_of_examples() -> None:
    for rule in RULES:
        if rule.kind in ("token", "context", "key"):
            assert rule.match_examples, rule.rule_id
            assert rule.no_match_examples, rule.rule_id
            assert rule.source and rule.description, rule.rule_id
