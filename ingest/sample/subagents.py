"""Subagents: in a file beside the sessions (before 2.1), in the parent's `progress` records (up to 2.1.81), and in a
file below the session's directory (later versions)."""

from __future__ import annotations

import json

from ingest.sample.tools import Tools
from ingest.sample.transcript import Call, Record, Result, Transcript, Usage, stamp, usage_record
from ingest.sample.world import LATER_OPUS, SONNET, World

_FORMATTING = (
    "Search /home/sam/code/tidebook for every place that formats or prints a height. Report file, line and format."
)
_FOUND = "Heights are formatted in one place only: tidebook.py, in `show`, as `{height:5.2f} m`. Both commands call it."

_READERS = "Look for anything in this repository that reads tidebook's printed table: JSON could replace it there."
_NOBODY = "Nothing reads the printed table: README.md shows the commands, the tests call `show` and `next_high`."

_COLUMNS = "Read data/harbour.csv. Report its columns, the form of a time, and how many digits a height has."
_COLUMNS_FOUND = "time,kind,height_m: minutes without seconds and without a zone, kind is low or high, two digits."

_REVIEW = "Review tidebook/moon.py and its tests. Name what could go wrong, the most important thing first."
_REVIEWED = "One: the age comes from a mean month and may be half a day off; nothing says so. Two: `main` has no test."

_MODULE = '     1→"""The age of the moon, from the mean month."""\n     2→'
_TESTS = "     1→from datetime import datetime, timezone\n     2→"


def formatting_agent(me: Transcript) -> Call:
    """A `Task` that searches, told in the session itself."""
    hit = 'tidebook.py:21:    return f"{time:%Y-%m-%d %H:%M}  {kind:<4}  {height:5.2f} m"'
    search = ("Grep", {"pattern": "height", "-n": True}, hit)
    steps = (
        (Usage(4, 3_100, 0, 0, 118), "I'll search for the word height.", search),
        (Usage(6, 640, 0, 3_100, 204), _FOUND, None),
    )
    return told_agent("a7c41e2", SONNET, "Find height formatting", _FORMATTING, "Explore", steps, 7_940)


def review_agent(me: Transcript) -> Call:
    """A `Task` that reads two files and reports, told in the session itself."""
    module, tests = f"{me.cwd}/tidebook/moon.py", f"{me.cwd}/tests/test_moon.py"
    steps = (
        (Usage(4, 3_300, 0, 0, 131), "The module first.", ("Read", {"file_path": module}, _MODULE)),
        (Usage(6, 520, 0, 3_300, 97), "Now its tests.", ("Read", {"file_path": tests}, _TESTS)),
        (Usage(5, 610, 0, 3_820, 246), _REVIEWED, None),
    )
    return told_agent("a3f09b8", LATER_OPUS, "Review the moon", _REVIEW, "general-purpose", steps, 15_300)


Step = tuple[Usage, str, tuple[str, Record, str] | None]


def told_agent(
    agent_id: str, model: str, title: str, order: str, kind: str, steps: tuple[Step, ...], milliseconds: int
) -> Call:
    """A `Task` whose messages appear as `agent_progress` in the session itself.

    A step is one response: its tokens, its text, and the tool it calls with input and answer.
    """

    def wrap(session: Transcript, tool_id: str, wrapper: str, message: Record) -> None:
        data = {
            "message": message,
            "normalizedMessages": [],
            "type": "agent_progress",
            "prompt": order,
            "agentId": agent_id,
        }
        session.progress(data, wrapper, tool_id, 1.1)

    def user(session: Transcript, content: list[Record]) -> Record:
        message = {"role": "user", "content": content}
        return {"type": "user", "message": message, "uuid": session.next_uuid(), "timestamp": stamp(session.at)}

    def between(session: Transcript, tool_id: str) -> None:
        wrapper = session.next_id("agent_msg_01")
        wrap(session, tool_id, wrapper, user(session, [{"type": "text", "text": order}]))
        for usage, text, tool in steps:
            contents: list[Record] = [{"type": "text", "text": text}]
            if tool:
                search_id = session.next_id("toolu_01")
                contents.append({"type": "tool_use", "id": search_id, "name": tool[0], "input": tool[1]})
            message_id, request_id = session.next_id("msg_01"), session.next_id("req_011C", 20)
            for index, block in enumerate(contents):
                output = usage.output if index == len(contents) - 1 else 2
                message = {
                    "model": model,
                    "id": message_id,
                    "type": "message",
                    "role": "assistant",
                    "content": [block],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": usage_record(usage, output),
                }
                record = {"type": "assistant", "timestamp": stamp(session.at), "message": message}
                wrap(session, tool_id, wrapper, {**record, "requestId": request_id, "uuid": session.next_uuid()})
            if tool:
                answer = {"tool_use_id": search_id, "type": "tool_result", "content": tool[2]}
                wrap(session, tool_id, wrapper, user(session, [answer]))

    def run(session: Transcript) -> Result:
        calls = tuple(usage for usage, _, _ in steps)
        tools = sum(tool is not None for _, _, tool in steps)
        return agent_result(agent_id, order, steps[-1][1], calls, tools=tools, milliseconds=milliseconds)

    return Call("Task", {"description": title, "prompt": order, "subagent_type": kind}, run, between)


def readers_agent(world: World, me: Transcript) -> Call:
    """An `Agent` that searches, with a transcript of its own below the session's directory."""
    hits = ("README.md:5:    python -m tidebook.cli", "tests/test_tidebook.py:3:from tidebook.cli import TABLE")
    search = Tools(world.repository, me.cwd).grep("tidebook", *hits)
    steps = (
        (Usage(3, 2_900, 0, 0, 86), "Searching the texts and the tests.", search),
        (Usage(4, 510, 0, 2_900, 173), _NOBODY, None),
    )
    return filed_agent(world, "json/agent", "a90f3d64b1c2e5a78", "Find readers of the table", _READERS, steps, 6_300)


def columns_agent(world: World, me: Transcript) -> Call:
    """A `Task` that reads a file, with a transcript of its own beside the session, as old versions have it."""
    read = Tools(world.repository, me.cwd).read("data/harbour.csv")
    steps = (
        (Usage(3, 2_750, 0, 0, 74), "The table first.", read),
        (Usage(4, 460, 0, 2_750, 121), _COLUMNS_FOUND, None),
    )
    return filed_agent(world, "harbours/agent", "5c1d0e77", "Look at the table", _COLUMNS, steps, 5_100, is_flat=True)


FiledStep = tuple[Usage, str, Call | None]


def filed_agent(
    world: World,
    key: str,
    agent_id: str,
    title: str,
    order: str,
    steps: tuple[FiledStep, ...],
    milliseconds: int,
    *,
    is_flat: bool = False,
) -> Call:
    """A subagent with a transcript of its own. A step is one response: its tokens, its text, and the tool it calls."""

    def between(session: Transcript, tool_id: str) -> None:
        agent = Transcript(
            key,
            session.cwd,
            session.version,
            SONNET,
            session.at,
            branch=session.branch,
            session_id=session.session_id,
            agent_id=agent_id,
            entrypoint=session.entrypoint,
        )
        agent.prompt_id = session.prompt_id
        agent.user(order, 0.1)
        for usage, text, call in steps:
            agent.respond(usage, text, *([call] if call else []))
        session.at = agent.at
        if is_flat:
            world.flat_subagent(session, agent)
            return
        meta = {"agentType": "Explore", "description": title, "toolUseId": tool_id}
        world.subagent(session, agent, json.dumps(meta, separators=(",", ":")).encode())

    def run(session: Transcript) -> Result:
        calls = tuple(usage for usage, _, _ in steps)
        tools = sum(call is not None for _, _, call in steps)
        return agent_result(agent_id, order, steps[-1][1], calls, tools=tools, milliseconds=milliseconds)

    given = {"description": title, "prompt": order, "subagent_type": "Explore"}
    return Call("Task" if is_flat else "Agent", given, run, between)


def agent_result(
    agent_id: str, prompt: str, text: str, calls: tuple[Usage, ...], *, tools: int, milliseconds: int
) -> Result:
    """What the parent gets back; the tokens in it repeat the last response and must not be counted again."""
    last = calls[-1]
    total = last.input + last.write_5m + last.write_1h + last.read + last.output
    usage_note = f"<usage>total_tokens: {total}\ntool_uses: {tools}\nduration_ms: {milliseconds}</usage>"
    note = f"agentId: {agent_id} (for resuming to continue this agent's work if needed)\n{usage_note}"
    detail = {
        "status": "completed",
        "prompt": prompt,
        "agentId": agent_id,
        "content": [{"type": "text", "text": text}],
        "totalDurationMs": milliseconds,
        "totalTokens": total,
        "totalToolUseCount": tools,
        "usage": usage_record(last, last.output),
    }
    return Result([{"type": "text", "text": text}, {"type": "text", "text": note}], detail)
