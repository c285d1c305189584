"""Turns and episodes of the real corpus: every human intent is one; they add up to what independent tools counted."""

from __future__ import annotations

from decimal import Decimal

from tests.warehouse import Warehouse

# Human intents by kind, by section 6 of the rules that tell humans from machines.
KINDS = {
    "human_prompt": 1817,
    "human_plan_handoff": 45,
    "human_with_image": 1,
    "slash_command": 47,
    "bash_input": 14,
}


def test_every_human_intent_is_a_turn(whole_warehouse: Warehouse) -> None:
    found = whole_warehouse.query("select kind, count(*) from turns where turn_index > 0 group by kind")
    assert dict(found) == KINDS


def test_turns_add_up_to_what_independent_tools_counted(whole_warehouse: Warehouse) -> None:
    [(cost, cost_with_subagents)] = whole_warehouse.query(
        "select round(sum(cost_usd), 3), round(sum(cost_usd_with_subagents), 3) from turns"
    )
    assert (cost, cost_with_subagents) == (Decimal("1473.638"), Decimal("1564.365"))
    [(tokens,)] = whole_warehouse.query("select sum(total_tokens_with_subagents) from turns")
    assert tokens == 692_079 + 1_878_772 + 87_891_966 + 1_854_678_429
    assert whole_warehouse.query("select sum(api_responses) from turns") == [(19_206,)]


def test_every_turn_has_an_episode_that_can_be_trained_on_or_says_why_not(whole_warehouse: Warehouse) -> None:
    [(episodes, complete)] = whole_warehouse.query("select count(*), count(*) filter (where is_complete) from episodes")
    assert episodes == sum(KINDS.values())
    assert complete > 0.75 * episodes
    assert whole_warehouse.query("select count(*) from episodes where is_complete != (incomplete_reason is null)") == [
        (0,)
    ]


def test_the_queries_of_the_specification_work(whole_warehouse: Warehouse) -> None:
    decided = whole_warehouse.query(
        "select count(*) from episodes where json_extract_string(claude_action, '$.tool') = 'Bash' "
        "and json_extract_string(claude_action, '$.parameters.command') like '%test%'"
    )
    steps = whole_warehouse.query(
        "select count(distinct episode_id) from episode_actions where json_extract_string(claude_action, '$.tool') = "
        "'Bash' and json_extract_string(claude_action, '$.parameters.command') like '%test%'"
    )
    runs = whole_warehouse.query("select count(*) from episodes where has_test_run")
    # a turn has many actions: one that ran tests is seldom one that was decided by them
    assert 0 < decided[0][0] < runs[0][0] < 1.5 * steps[0][0]
    phases = whole_warehouse.query(
        "select json_extract_string(observation, '$.phase_label') as phase, count(*) from episodes group by phase"
    )
    assert dict(phases) == dict(
        whole_warehouse.query("select phase_label, count(*) from episodes group by phase_label")
    )
