"""Which tier a project is, by the seeds."""

from __future__ import annotations

import csv
import json

import pytest
import yaml

from ingest.errors import IngestError
from ingest.instrumentation import (
    AI_ATTRIBUTION,
    SESSION_LINE,
    SESSION_TRAILERS,
    instrumentation_tier,
    session_ids,
    session_trailer_keys,
)
from ingest.paths import PRODUCT_ROOT

KEYS = session_trailer_keys()


def tier(tmp_path, *commits):
    path = tmp_path / "git-metadata.json"
    lines = (json.dumps({"sha": f"{n:040x}", **one}, separators=(",", ":")) for n, one in enumerate(commits))
    path.write_text('{"commits":[\n' + ",\n".join(lines) + "\n]}\n")
    return instrumentation_tier(path)


def test_session_ids_are_found_in_the_whole_message():
    message = (
        "fix: it\n\nClaude-Session: abc-1\r\n\nCo-Authored-By: x <y@z>\n\n* 2nd\n\nx-claude-session:   agent-2 \n\nend"
    )
    assert session_ids(message, KEYS) == ["abc-1", "agent-2"]


@pytest.mark.parametrize(
    "message",
    [
        "now with an X-Claude-Session trailer",
        "see Claude-Session: in the docs",
        "Claude-Session:",
        "- Claude-Session: x",
        "- Claude-Session: 1",
        "Session-Id: is now a trailer",
        "Session-Id:\n1",
        "",
    ],
)
def test_what_only_speaks_of_a_trailer_is_none(message):
    assert session_ids(message, KEYS) == []


def test_leading_blanks_and_an_equals_sign():
    message = "fix\n\n  Claude-Session=01-a (cloud)\n\tsession-id : b-2\n"
    assert session_ids(message, KEYS) == ["01-a", "b-2"]


def test_sql_reads_the_ids_by_the_same_rule():
    project = yaml.safe_load((PRODUCT_ROOT / "dbt_project.yml").read_text())
    assert project["vars"]["session_trailer_line"] == SESSION_LINE


def test_the_label_of_the_evaluation_data_is_no_evidence():
    assert not {key for key in KEYS if "checkpoint" in key}
    assert "entire-" not in SESSION_TRAILERS.read_text().lower()
    assert "entire-" not in AI_ATTRIBUTION.read_text().lower()


def test_the_tiers(tmp_path):
    plain = {"message": "a change\n\nCo-Authored-By: Bo <bo@example.com>", "author_email": "ada@example.com"}
    attributed = {"message": "a change\n\nCo-authored-by: Claude Opus 4.5 <noreply@anthropic.com>\n\nSigned-off-by: x"}
    with_id = {"message": "a change\n\nX-Claude-Session: 123\n\nCo-Authored-By: x <y@z>"}
    assert tier(tmp_path) is None
    assert tier(tmp_path, plain) == 3
    assert tier(tmp_path, plain, attributed, plain) == 2
    assert tier(tmp_path, attributed, with_id) == 1
    assert instrumentation_tier(tmp_path / "nothing.json") is None


def example(rule):
    value = {"starts_with": "{} and more", "ends_with": "before {}", "contains": "before {} after", "equals": "{}"}
    text = value[rule["match"]].format(rule["pattern"])
    trailer = {"co_author": "Co-Authored-By", "assisted_by": "Assisted-by"}.get(rule["field"])
    return {"message": f"a change\n\n{trailer}: {text}\n"} if trailer else {rule["field"]: text.upper()}


@pytest.mark.parametrize("rule", list(csv.DictReader(AI_ATTRIBUTION.open())), ids=lambda rule: rule["rule_id"])
def test_every_rule_of_the_seed_finds_its_sign(tmp_path, rule):
    assert tier(tmp_path, example(rule)) == 2


def test_a_seed_with_an_unknown_field_is_refused(tmp_path, monkeypatch):
    seed = tmp_path / "seed.csv"
    seed.write_text("rule_id,agent,field,match,pattern\na,b,shoe_size,equals,x\n")
    monkeypatch.setattr("ingest.instrumentation._attribution_rules.__defaults__", (seed,))
    with pytest.raises(IngestError, match="unknown field"):
        tier(tmp_path, {"message": "x"})
