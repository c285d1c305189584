"""docs/sample.md: every rule leads to a query, which gives what was counted by hand (pages/test_blocks.py compares the
output that the page shows)."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.pages.blocks import page_blocks

PATH = PRODUCT_ROOT / "docs/sample.md"
PAGE = PATH.read_text(encoding="utf-8")
EXPECTED: dict[str, Any] = json.loads((PRODUCT_ROOT / "tests/ingest/sample_expected.json").read_text(encoding="utf-8"))
HEADINGS = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
NUMBERED = list(enumerate([block.text for block in page_blocks(PATH) if block.is_query], 1))


def anchor(heading: str) -> str:
    """The link that a host makes of a heading."""
    return "#" + re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def plain(value: Any) -> Any:
    """A value as it is written down in JSON."""
    return str(value) if isinstance(value, (Decimal, date)) else value


def test_every_rule_leads_to_a_query_and_every_query_is_led_to() -> None:
    rules = re.findall(r"^\| .+ \| \[(\d+)\]\((#\S+)\) \|$", PAGE, re.MULTILINE)
    assert len(rules) > 20
    assert dict(rules) == {heading.split(".")[0]: anchor(heading) for heading in HEADINGS}
    assert [int(heading.split(".")[0]) for heading in HEADINGS] == [number for number, _ in NUMBERED]
    assert len(NUMBERED) == PAGE.count("```sql") == len(EXPECTED["page"]) - 1


@pytest.mark.parametrize(("number", "sql"), NUMBERED)
def test_query(sample_warehouse: Warehouse, number: int, sql: str) -> None:
    rows = [[plain(value) for value in row] for row in sample_warehouse.query(sql)]
    expected = EXPECTED["page"][str(number)]
    assert [row[: len(wanted)] for row, wanted in zip(rows, expected, strict=True)] == expected


def test_the_sessions_of_the_page_are_those_of_the_sample(sample_warehouse: Warehouse) -> None:
    listed: dict[str, str] = {}
    for ids, version in re.findall(r"^\| .*?\| (`[0-9a-f, `]+`) \| ([0-9.]*) ?\|", PAGE, re.MULTILINE):
        listed |= dict.fromkeys(re.findall(r"[0-9a-f]{8}", ids), version)
    names = dict(re.findall(r"`([a-z]+)`(?:, `[a-z]+`)* \| `([0-9a-f]{8})`", PAGE))
    ids = EXPECTED["sessions"]["ids"]
    assert all(ids[name].startswith(session_id) for name, session_id in names.items())
    assert set(listed) == {session_id[:8] for session_id in ids.values() if "/" not in session_id}
    found = dict(
        sample_warehouse.query("select session_id[:8], first_agent_version from sessions where not is_subagent")
    )
    # of two sessions none of whose records is their own, one names no version
    assert {session_id: version for session_id, version in listed.items() if found[session_id]} == {
        session_id: version for session_id, version in found.items() if version
    }


def test_the_archive_has_every_line_of_the_logs(sample_warehouse: Warehouse) -> None:
    transcripts = (sample_warehouse.data / "raw/tidebook/sessions").rglob("*.jsonl")
    assert sum(len(path.read_bytes().splitlines()) for path in transcripts) == EXPECTED["lines"]["total"]
