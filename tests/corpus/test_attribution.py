"""Attributed lines against another tool's count of them, which the labels of the real corpus hold.

`pytest -s` prints the figures. Theirs is no truth: it is 0 where their tool lost its base, counts what a person changed
between two prompts as the agent's, and knows sessions whose logs end long before the commit. So each pair of labels has
a reason to differ, or none, and what is compared with bounds are those without.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warehouse import Warehouse

MINUTES_BEFORE_A_LOG_IS_CUT = 10
# Two counts are of one diff where they differ by so much at most.
SAME_DIFF = 0.1

PAIRS = """
with labels as (

    select session_id, commit_sha, agent_lines as their_lines, committed_lines
    from read_csv('{labels}', header = true)
    where gold = 1 and committed_lines > 0

),

ours as (

    select
        commit_sha,
        sum(agent_lines) as agent_lines,
        sum(changed_lines) as changed_lines,
        sum(added_lines) as added_lines,
        sum(added_lines - unknown_lines) as known_lines
    from commit_attribution
    group by commit_sha

),

compared as (

    select commit_sha, sum(compared_lines) as compared_agent_lines
    from commit_session_lines
    where is_linked
    group by commit_sha

)

select
    labels.commit_sha,
    labels.their_lines,
    labels.committed_lines,
    labels.their_lines / labels.committed_lines as their_share,
    ours.agent_lines,
    ours.changed_lines,
    ours.added_lines,
    ours.agent_lines / ours.known_lines as share,
    (ours.agent_lines + ours.changed_lines) / ours.known_lines as touched_share,
    coalesce(compared.compared_agent_lines, 0) as compared_agent_lines,
    case
        when labels.their_lines = 0 then 'they count no agent lines'
        when abs(labels.committed_lines - ours.added_lines) > {same_diff} * ours.added_lines
            then 'they count another diff'
        when sessions.ended_at < commits.authored_at - interval '{minutes} minutes'
            then 'the log ends before the commit'
        when commits.linked_session_id is null then 'no session is linked'
        else 'none'
    end as reason
from labels
inner join ours on labels.commit_sha = ours.commit_sha
inner join commits on labels.commit_sha = commits.commit_sha
inner join sessions on labels.session_id = sessions.session_id
left join compared on labels.commit_sha = compared.commit_sha
where ours.known_lines > 0
"""

FIGURES = """
select
    {group},
    count(*) as pairs,
    round(avg(abs(share - their_share)), 3) as difference,
    round(avg(abs(touched_share - their_share)), 3) as touched_difference,
    round(corr(share, their_share), 3) as correlation,
    sum(agent_lines) as our_lines,
    sum(their_lines) as their_lines,
    round(sum(agent_lines) / nullif(sum(their_lines), 0), 3) as ratio,
    round(sum(compared_agent_lines) / nullif(sum(their_lines), 0), 3) as compared_ratio
from ({pairs}) as pairs
group by all
order by all
"""
NAMES = [
    "pairs",
    "difference",
    "touched_difference",
    "correlation",
    "our_lines",
    "their_lines",
    "ratio",
    "compared_ratio",
]


@pytest.fixture(scope="module")
def pairs(corpus_directory: Path) -> str:
    """The query for the labelled pairs, ours beside theirs."""
    return PAIRS.format(
        labels=corpus_directory / "labels.csv", same_diff=SAME_DIFF, minutes=MINUTES_BEFORE_A_LOG_IS_CUT
    )


@pytest.fixture(scope="module")
def figures(whole_warehouse: Warehouse, pairs: str) -> dict[str, dict]:
    """Figures by the reason to differ, and of all pairs; printed."""
    found = {}
    for group in ("'all' as reason", "reason"):
        for reason, *values in whole_warehouse.query(FIGURES.format(group=group, pairs=pairs)):
            found[reason] = dict(zip(NAMES, values, strict=True))
            print(f"\n{reason}: {found[reason]}", end="")
    return found


def test_shares_agree_where_both_saw_the_same(figures: dict[str, dict]) -> None:
    same = figures["none"]
    assert same["pairs"] >= 100
    assert same["difference"] <= 0.07, same
    assert 0.9 <= same["ratio"] <= 1.2, same


def test_lines_without_a_fingerprint_go_with_the_others(figures: dict[str, dict]) -> None:
    same = figures["none"]
    assert abs(same["ratio"] - 1) < abs(same["compared_ratio"] - 1), same


def test_lines_that_somebody_changed_are_counted_by_the_other_tool(figures: dict[str, dict]) -> None:
    same = figures["none"]
    assert same["touched_difference"] <= same["difference"], same


def test_what_differs_much_has_a_reason(whole_warehouse: Warehouse, pairs: str) -> None:
    worst = whole_warehouse.query(
        "select commit_sha, reason, their_lines, committed_lines, agent_lines, changed_lines, added_lines, "
        f"round(share - their_share, 3) from ({pairs}) as pairs "
        "order by abs(share - their_share) * sqrt(added_lines) desc, commit_sha"
    )
    print("\nworst:", *worst[:10], sep="\n")
    unexplained = [row for row in worst if row[1] == "none" and abs(row[-1]) > 0.25]
    assert len(unexplained) <= 10, unexplained
