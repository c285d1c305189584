"""What the warehouse says of the real corpus, against figures that independent tools counted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.warehouse import Warehouse

TOKENS = "sum(input_tokens), sum(output_tokens), sum(cache_write_tokens), sum(cache_read_tokens)"
# Calls and share of results that are errors, in per cent, per tool in top-level sessions: a reader that counts
# every line. One `Task` call stands in two sessions that share its record, so the mart has one less.
TOOLS = {
    "Bash": (6048, 7.9),
    "Read": (4979, 1.6),
    "Edit": (4255, 4.7),
    "Grep": (2611, 1.5),
    "TaskUpdate": (527, 0.4),
    "TaskCreate": (290, 0.0),
    "Write": (223, 2.7),
    "TodoWrite": (447, 0.0),
    "Glob": (267, 4.5),
    "Task": (225, 3.7),
    "Skill": (57, 8.8),
    "WebFetch": (26, 3.8),
    "AskUserQuestion": (32, 15.6),
    "ExitPlanMode": (44, 81.8),
    "TaskOutput": (37, 2.7),
    "WebSearch": (20, 0.0),
    "mcp__linear-server__create_issue": (28, 35.7),
    "TaskList": (11, 0.0),
    "mcp__linear-server__update_issue": (16, 6.2),
    "EnterPlanMode": (12, 0.0),
    "mcp__linear-server__get_issue": (15, 6.7),
    "TaskStop": (2, 0.0),
    "LSP": (10, 0.0),
    "mcp__linear-server__list_issues": (9, 0.0),
    "mcp__linear-server__create_comment": (8, 12.5),
    "mcp__linear-server__list_projects": (6, 0.0),
}


def test_every_line_is_accounted_for(whole_warehouse: Warehouse) -> None:
    assert whole_warehouse.query("select count(*), count(*) filter (where not is_json) from raw.session_lines") == [
        (103_281, 7)
    ]
    assert whole_warehouse.query(
        "select count(*), count(*) filter (where not is_json) from staging.stg_claude_code__records"
    ) == [(103_281, 7)]
    assert whole_warehouse.query(
        "select count(*) from raw.parse_errors where reason = 'malformed JSON' and line_number is not null"
    ) == [(7,)]


def test_top_level_sessions_and_commits(whole_warehouse: Warehouse) -> None:
    assert whole_warehouse.query("select count(*) from sessions where not is_subagent") == [(273,)]
    assert whole_warehouse.query(
        "select count(*), count(*) filter (where is_merge), count(*) filter (where is_bot) from commits"
    ) == [(1640, 381, 10)]


def test_tokens_of_the_sessions_own_responses(whole_warehouse: Warehouse) -> None:
    assert whole_warehouse.query(
        f"select {TOKENS}, count(*), round(sum(cost_usd), 3) from token_usage where provenance = 'assistant'"
    ) == [(385_047, 1_868_171, 77_892_141, 1_759_735_602, 19_206, Decimal("1473.638"))]


def test_tokens_with_those_of_subagents(whole_warehouse: Warehouse) -> None:
    assert whole_warehouse.query(f"select {TOKENS}, round(sum(cost_usd), 3) from token_usage") == [
        (692_079, 1_878_772, 87_891_966, 1_854_678_429, Decimal("1564.365"))
    ]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-opus-4-5-20251101", (306_558, 1_303_689, 51_697_851, 1_058_017_824, Decimal("934.571"))),
        ("claude-opus-4-6", (29_883, 463_022, 17_229_077, 547_550_230, Decimal("457.791"))),
        ("claude-sonnet-4-5-20250929", (47_257, 79_315, 8_689_975, 153_141_908, Decimal("80.718"))),
        ("claude-haiku-4-5-20251001", (1_349, 22_145, 275_238, 1_025_640, Decimal("0.559"))),
    ],
)
def test_tokens_by_model(whole_warehouse: Warehouse, model: str, expected: tuple[object, ...]) -> None:
    assert whole_warehouse.query(
        f"select {TOKENS}, round(sum(cost_usd), 3) from token_usage "
        f"where provenance = 'assistant' and model = '{model}'"
    ) == [expected]


def test_calls_and_error_rates_by_tool(whole_warehouse: Warehouse) -> None:
    logged = dict(
        whole_warehouse.query(
            "select tool_name, count(*) from staging.stg_claude_code__tool_uses "
            "where session_id = root_session_id group by 1"
        )
    )
    counted = {
        name: (calls, rate)
        for name, calls, rate in whole_warehouse.query(
            "select tool_name, count(*), 100.0 * count(*) filter (where is_error) / count(*) filter (where has_result) "
            "from tool_calls where provenance = 'assistant' group by 1"
        )
    }
    copies = dict(
        whole_warehouse.query(
            """
            select tool_name, count(*) from staging.stg_claude_code__tool_uses as uses
            inner join staging.stg_claude_code__records as records using (file_id, line_number)
            inner join intermediate.int_records__owners as owners
                on owners.record_key = coalesce(records.message_id, records.uuid)
                and owners.root_session_id = records.root_session_id and not owners.is_owner
            where uses.session_id = uses.root_session_id
            group by 1
            """
        )
    )
    for tool, (calls, rate) in TOOLS.items():
        assert logged[tool] == calls, tool
        assert counted[tool][0] == calls - copies.get(tool, 0), tool
        assert counted[tool][1] == pytest.approx(rate, abs=0.051), tool
    assert sum(copies.values()) == 1


def test_sums_agree(whole_warehouse: Warehouse) -> None:
    of_sessions = whole_warehouse.query("select sum(total_tokens), sum(cost_usd), sum(tool_calls) from sessions")
    of_details = whole_warehouse.query(
        "select (select sum(total_tokens) from token_usage), (select sum(cost_usd) from token_usage), "
        "(select count(*) from tool_calls)"
    )
    assert of_sessions == of_details
