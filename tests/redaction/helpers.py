"""What the tests of the redaction engine share: a redactor, values drawn at random, and what holds for all lines."""

from __future__ import annotations

import json
import random

from ingest.redaction import DEFAULT_RULES, Redactor
from ingest.redaction.escapes import is_json
from ingest.redaction.rules import expand_example, read_rules

KEY = bytes(range(32))
RULES = [rule for rule in read_rules(DEFAULT_RULES) if rule.protects != "personal"]
REDACTOR = Redactor(RULES, KEY)
RNG = random.Random(20260101)


def alnum(length: int) -> str:
    return expand_example(f"{{{{alnum:{length}}}}}", RNG.randrange(10**9))[0]


def hexes(length: int) -> str:
    return expand_example(f"{{{{hex:{length}}}}}", RNG.randrange(10**9))[0]


GITHUB = "gh" + "p_" + alnum(36)
AWS = "AK" + "IA" + expand_example("{{upper:16}}", 1)[0]
PASSWORD = expand_example("{{password:16}}", 5)[0]
PEM = "\n".join(["-" * 5 + "BEGIN PRIVATE KEY" + "-" * 5, alnum(64), alnum(64), "-" * 5 + "END PRIVATE KEY" + "-" * 5])


def line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def redacted(data: bytes) -> bytes:
    """Redacts lines and checks what holds for all of them: line count, JSON, a second pass, findings in order."""
    result, findings = REDACTOR.redact_jsonl(data)
    before, after = data.split(b"\n"), result.split(b"\n")
    assert len(before) == len(after)
    assert [is_json(part) for part in before] == [is_json(part) for part in after]
    hit_lines = {finding.line_number for finding in findings}
    assert {n for n, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new} <= hit_lines or any(
        not is_json(part) for part in before
    )
    assert [f.line_number for f in findings] == sorted(f.line_number for f in findings)
    assert REDACTOR.redact_jsonl(result) == (result, [])
    return result
