"""The rule that docs/privacy.md adds in three minutes is one: it is read, and its examples hold."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.paths import PRODUCT_ROOT
from ingest.redaction import DEFAULT_RULES, Redactor
from ingest.redaction.rules import expand_example, read_rules

PAGE = (PRODUCT_ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")


def test_the_rule_of_the_page(tmp_path: Path) -> None:
    [row] = re.findall(r"^ +```csv\n +(.*)\n +```$", PAGE, flags=re.MULTILINE)
    rules_path = tmp_path / "rules.csv"
    rules_path.write_text(DEFAULT_RULES.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    rule = read_rules(rules_path)[-1]
    before, after = Redactor.load(bytes(32)), Redactor.load(bytes(32), rules_path)
    assert before.rules_version != after.rules_version
    for template in rule.match_examples:
        text, (secret,) = expand_example(template, 1)
        assert secret not in after.redact_text(text) and f"[REDACTED:{rule.rule_id}:" in after.redact_text(text)
    for template in rule.no_match_examples:
        assert after.redact_text(expand_example(template, 1)[0]) == expand_example(template, 1)[0]
    # without a name of a secret before it, no other rule knows the value
    bare = f"see {expand_example('acme_live_{{alnum:32}}', 2)[0]}"
    assert before.redact_text(bare) == bare != after.redact_text(bare)
