"""The rules of class personal, by their own examples: off for the archive, on for what is shared."""

from __future__ import annotations

import json
import re

import pytest

from ingest.redaction import DEFAULT_RULES, Redactor
from ingest.redaction.rules import expand_example, read_rules

KEY = bytes(range(32))
ARCHIVE = Redactor.load(KEY)
SHARED = Redactor.load(KEY, classes=("secret", "personal"))
RULES = [rule for rule in read_rules(DEFAULT_RULES) if rule.protects == "personal"]
MATCHES = [(rule.rule_id, template) for rule in RULES for template in rule.match_examples]
NO_MATCHES = [(rule.rule_id, template) for rule in RULES for template in rule.no_match_examples]


def nested(text: str) -> bytes:
    return json.dumps({"a": json.dumps({"b": json.dumps([f"see: {text}\nend"])})}).encode()


@pytest.mark.parametrize(("rule_id", "template"), MATCHES)
def test_what_a_rule_must_find(rule_id: str, template: str) -> None:
    for seed in range(3):
        text, parts = expand_example(template, seed)
        result = SHARED.redact_text(text)
        assert rule_id in re.findall(r"\[REDACTED:([a-z0-9_]+):", result)
        assert not [part for part in parts if len(part) >= 8 and part in result]
        assert SHARED.redact_text(result) == result
        deep, _ = SHARED.redact_jsonl(nested(text))
        assert not [part for part in parts if len(part) >= 8 and part.encode() in deep]
        assert json.loads(json.loads(json.loads(deep)["a"])["b"])[0].endswith("\nend")
        assert SHARED.redact_jsonl(deep) == (deep, [])


@pytest.mark.parametrize(("rule_id", "template"), NO_MATCHES)
def test_what_a_rule_must_leave(rule_id: str, template: str) -> None:
    text, _ = expand_example(template, 1)
    assert SHARED.redact_text(text) == text, rule_id
    assert SHARED.redact_jsonl(nested(text)) == (nested(text), [])


def test_every_rule_has_both_kinds_of_examples_and_a_source() -> None:
    for rule in RULES:
        assert rule.match_examples and rule.no_match_examples and rule.source and rule.description, rule.rule_id


def test_the_archive_keeps_personal_data() -> None:
    for _, template in MATCHES:
        text, _ = expand_example(template, 1)
        assert ARCHIVE.redact_text(text) == text


def test_of_a_path_only_the_name_is_replaced_and_the_same_person_stays_the_same() -> None:
    text = "/home/{0}/work/app C:\\Users\\{0}\\x -home-{0}-work".format("quelle")
    shared = SHARED.redact_text(text)
    hashes = re.findall(r"\[REDACTED:home_directory\w*:([A-Z2-7]{16})\]", shared)
    assert len(hashes) == 3 and len(set(hashes)) == 1
    assert re.sub(r"\[REDACTED:[^\]]*\]", "@", shared) == "/home/@/work/app C:\\Users\\@\\x -home-@-work"


def test_an_address_is_found_wherever_a_tool_prints_it() -> None:
    who = "quelle.berg" + "@" + "firma-nord.de"
    for place in (f"({who})", f"<{who}>,", f"'{who}'", f"x={who};", f"to {who}.", f"https://{who}/path", f"a\t{who}\n"):
        assert who not in SHARED.redact_text(place), place
