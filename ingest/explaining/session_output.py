"""A session on a terminal: its turns, what it cost, its files, its commits in a line each, subagents and problems."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.correlation_evidence import Explained
from ingest.explaining.session import Told
from ingest.terminal import many, number, show_heading, show_line, show_table, size, visible

PROMPT_CELLS = 46
PATH_CELLS = 70
SHOWN = 12
HASH_DIGITS = 10
NO_REACTION = "unknown"


def show_told(told: Told, *, whole: bool = False) -> None:
    """What the session did, before its commits; the first of each list unless `whole`."""
    active = "–" if told.active_seconds is None else f"{told.active_seconds / 60:.0f} min"
    facts = [f"active {active}", many(told.tool_calls or 0, "tool call"), many(told.tool_errors or 0, "error")]
    facts += [many(told.interruptions or 0, "interruption"), many(told.rejections or 0, "refusal")]
    show_line(f"  {', '.join(facts)}")
    agent = " ".join(filter(None, (visible(told.agent), visible(told.agent_version))))
    bound = ", at least" if told.is_lower_bound else ""
    show_line(f"  {agent or 'unknown agent'}, {number(told.total_tokens)} tokens{bound}, {dollars(told.cost_usd)}")
    if told.completeness not in (None, "complete"):
        show_line(f"  {visible(told.completeness)}", "yellow")
    _show_turns(told, whole=whole)
    _show_models(told)
    _show_files(told, whole=whole)


def show_links(links: Sequence[Explained]) -> None:
    """Commits, one line each: confidence, and what speaks most for them in a word."""
    for found in links:
        link = found.link
        sure = "–" if link.confidence is None else f"{link.confidence:.2f}"
        word = found.supporting[0].evidence_kind if found.supporting else (link.method or "no evidence")
        show_line(
            f"  {visible(link.commit_sha)[:HASH_DIGITS]}  {sure}  {visible(word):<12}  {visible(link.subject, 70)}"
        )


def show_background(told: Told, *, whole: bool = False) -> None:
    """What stands behind it: subagents, archived files, and what is wrong with them."""
    if told.subagents:
        show_heading(many(len(told.subagents), "subagent"))
        rows = [
            (
                visible(agent.session_id).rpartition("/")[2],
                visible(agent.subagent_type, 20) or "–",
                visible(agent.title, PROMPT_CELLS),
                number(agent.tool_calls),
                number(agent.total_tokens),
                dollars(agent.cost_usd),
            )
            for agent in told.subagents
        ]
        columns = ("subagent", "type", "task", "tools", "tokens", "cost")
        show_table(columns, rows if whole else rows[:SHOWN], right=("tools", "tokens", "cost"))
        _show_rest(len(rows), whole=whole)
    show_heading("Source")
    for source in told.sources if whole else told.sources[:SHOWN]:
        show_line(f"  {visible(source.path)} ({many(source.lines, 'line')}, {size(source.bytes)})")
    _show_rest(len(told.sources), whole=whole)
    for problem in told.problems:
        line = f":{problem.line_number}" if problem.line_number is not None else ""
        where = f"{'first ' if problem.count > 1 else ''}{visible(problem.path)}{line}"
        show_line(f"  {visible(problem.reason)}: {number(problem.count)} ({where})", "yellow")
    if told.redactions:
        rules = ", ".join(f"{visible(rule)} {number(count)}" for rule, count in told.redactions.items())
        show_line(f"  replaced secrets: {rules}")


def dollars(cost: float | None) -> str:
    """`$0.12`, `<$0.01`; a dash for what has no price."""
    if cost is None:
        return "–"
    return "<$0.01" if 0 < cost < 0.01 else f"${cost:,.2f}"


def _show_turns(told: Told, *, whole: bool) -> None:
    show_heading(many(len(told.turns), "turn"))
    rows = [
        (
            number(turn.turn_index),
            visible(turn.prompt, PROMPT_CELLS) or "–",
            visible(turn.kind) or "–",
            visible(turn.directive) or "–",
            number(turn.steps),
            number(turn.total_tokens),
            dollars(turn.cost_usd),
            _reaction(turn.reaction, turn.reaction_confidence),
        )
        for turn in told.turns
    ]
    columns = ("turn", "prompt", "kind", "asks to", "steps", "tokens", "cost", "reaction")
    if rows:
        show_table(columns, rows if whole else rows[:SHOWN], right=("turn", "steps", "tokens", "cost"))
    _show_rest(len(rows), whole=whole)


def _reaction(reaction: str | None, confidence: float | None) -> str:
    if reaction in (None, NO_REACTION):
        return "–"
    return visible(reaction) + ("" if confidence is None else f" {confidence:.2f}")


def _show_models(told: Told) -> None:
    if told.models:
        show_heading("Cost by model")
        rows = [
            (visible(model.model) or "–", number(model.responses), number(model.total_tokens), dollars(model.cost_usd))
            for model in told.models
        ]
        show_table(("model", "responses", "tokens", "cost"), rows, right=("responses", "tokens", "cost"))


def _show_files(told: Told, *, whole: bool) -> None:
    if told.files:
        show_heading(many(len(told.files), "file"))
        kinds = ("read", "searched", "edited", "written")
        for file in told.files if whole else told.files[:SHOWN]:
            counts = [f"{kind} {number(getattr(file, kind))}×" for kind in kinds if getattr(file, kind)]
            show_line(f"  {visible(file.path, PATH_CELLS)}: {', '.join(counts) or 'touched'}")
        _show_rest(len(told.files), whole=whole)


def _show_rest(count: int, *, whole: bool) -> None:
    if not whole and count > SHOWN:
        show_line(f"  … and {number(count - SHOWN)} more: --all", "dim")
