"""The marts of the sample say what was written down by hand (tests/ingest/sample_expected.json, with the reasons)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from ingest.operations.quality import quality_report
from ingest.paths import PRODUCT_ROOT, DataDir
from tests.warehouse import Warehouse

EXPECTED: dict[str, Any] = json.loads((PRODUCT_ROOT / "tests/ingest/sample_expected.json").read_text(encoding="utf-8"))
SUBAGENTS = ("agent", "flat")
USAGE = (
    "count(*), sum(input_tokens), sum(output_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), "
    "sum(cache_read_tokens), sum(cost_usd)"
)


def usage(expected: dict[str, Any]) -> tuple[Any, ...]:
    names = ("responses", "input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    cost = expected["cost_usd"]
    return (*(expected[name] for name in names), expected["cache_read_tokens"], cost and Decimal(cost))


def test_sessions(sample_warehouse: Warehouse) -> None:
    ids = EXPECTED["sessions"]["ids"]
    top_level = sample_warehouse.query("select session_id from sessions where not is_subagent order by 1")
    assert top_level == sorted((session_id,) for name, session_id in ids.items() if name not in SUBAGENTS)
    with_file = sample_warehouse.query("select session_id from sessions where is_subagent and has_file order by 1")
    assert with_file == sorted((ids[name],) for name in SUBAGENTS)
    embedded = sample_warehouse.query(
        "select parent_session_id, spawned_by_tool_use_id is not null from sessions where is_subagent and not has_file"
    )
    assert len(embedded) == EXPECTED["sessions"]["embedded_subagents"] and all(spawned for _, spawned in embedded)


def test_lines(sample_warehouse: Warehouse) -> None:
    lines = EXPECTED["lines"]
    assert sample_warehouse.query("select count(*), count(*) filter (where not is_json) from raw.session_lines") == [
        (lines["total"], lines["malformed"])
    ]
    drift = sample_warehouse.query("select drift_kind, record_type, records from schema_drift")
    assert drift == [("record type", name, count) for name, count in lines["unknown_types"].items()]


def test_tokens_and_cost(sample_warehouse: Warehouse) -> None:
    for column, part in (("provenance", "by_provenance"), ("model", "by_model")):
        rows = sample_warehouse.query(f"select {column}, {USAGE} from token_usage group by 1")
        assert {name: tuple(values) for name, *values in rows} == {
            name: usage(expected) for name, expected in EXPECTED["token_usage"][part].items()
        }


def test_every_session_has_what_it_owns(sample_warehouse: Warehouse) -> None:
    rows = sample_warehouse.query("select session_id, api_responses, tool_calls, turns from sessions where has_file")
    names = {session_id: name for name, session_id in EXPECTED["sessions"]["ids"].items()}
    counted = {names[session_id]: counts for session_id, *counts in rows}
    for name in names.values():
        expected = EXPECTED["by_session"][name]
        prompts = sum(session == name for session, *_ in EXPECTED["turns"]["rows"])
        assert counted[name] == [expected["api_responses"], expected["tool_calls"], prompts], name


def test_tool_calls(sample_warehouse: Warehouse) -> None:
    rows = sample_warehouse.query(
        "select provenance, tool_name, count(*), count(*) filter (where is_error), count(*) filter (where is_rejected) "
        "from tool_calls group by all"
    )
    expected = EXPECTED["tool_calls"]
    parts = {"assistant": "transcripts", "subagent_file": "subagent_file", "agent_progress": "agent_progress"}
    assert {(provenance, tool): tuple(counts) for provenance, tool, *counts in rows} == {
        (provenance, tool): (counts["calls"], counts["errors"], counts["rejected"])
        for provenance, part in parts.items()
        for tool, counts in expected[part].items()
    }


def test_git(sample_warehouse: Warehouse) -> None:
    git = EXPECTED["git"]
    assert sample_warehouse.query(
        "select count(*), count(*) filter (where is_merge), count(*) filter (where is_bot) from commits"
    ) == [(git["commits"], git["merges"], git["bot_commits"])]
    assert sample_warehouse.query(
        "select count(*), sum(insertions), sum(deletions), count(*) filter (where status = 'renamed'), "
        "count(*) filter (where is_binary) from commit_files where commit_sha not in "
        "(select commit_sha from commits where is_merge)"
    ) == [(git["commit_files"], git["insertions"], git["deletions"], git["renames"], git["binary_files"])]
    assert (git["head"],) in sample_warehouse.query("select commit_sha from commits")


def test_links_are_those_of_the_story(sample_warehouse: Warehouse) -> None:
    git, ids = EXPECTED["git"], EXPECTED["sessions"]["ids"]
    wrote = git["in_sessions"] | git["squashed"]
    rows = sample_warehouse.query("select subject, linked_session_id, copy_of_sha from commits")
    assert {subject: session for subject, session, _ in rows if session} == {
        subject: ids[name] for subject, name in wrote.items()
    }
    assert all(session for subject, session, _ in rows if subject in wrote)
    copies = [subject for subject, _, original in rows if original]
    assert sorted(copies) == sorted(git["copies"])


def test_no_secret_is_left(sample_warehouse: Warehouse) -> None:
    from ingest.sample import planted_secrets

    # tools/sample.sh writes the logs that are read below the data directory
    source = sample_warehouse.data / "source"
    files = [path for path in sample_warehouse.data.rglob("*") if path.is_file() and not path.is_relative_to(source)]
    for secret in planted_secrets():
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
        assert sample_warehouse.query(f"select count(*) from raw.session_lines where contains(line, '{secret}')") == [
            (0,)
        ]
    assert len(sample_warehouse.query("select distinct token from raw.redactions")) >= 1


def test_the_gates_of_the_sample(sample_warehouse: Warehouse) -> None:
    report = quality_report(DataDir(sample_warehouse.data))
    assert len(report.gates) == len({gate.gate for gate in report.gates}) == 11
    assert [(gate.gate, gate.example) for gate in report.gates if gate.state != "passed"] == [
        ("unknown_record_types", "quay-latch"),
        ("unpriced_models", "quay-vision-1"),
    ]
    # two of weight 1 do not hold, of 17: 15 / 17
    assert (report.score, report.failed, report.warned) == (88.2, 0, 2)
