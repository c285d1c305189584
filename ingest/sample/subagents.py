"""Subagents: inside `progress` records of the parent (up to 2.1.81) and in a file of their own (later versions)."""

from __future__ import annotations

import json

from ingest.sample.tools import Tools
from ingest.sample.transcript import Call, Record, Result, Transcript, Usage, stamp, usage_record
from ingest.sample.world import SONNET, World

_FORMATTING = (
    "Search /home/sam/code/tidebook for every place that formats or prints a height. Report file, line and format."
)
_FOUND = "Heights are formatted in one place only: tidebook.py, in `show`, as `{height:5.2f} m`. Both commands call it."

_READERS = "Look for anything in this repository that reads tidebook's printed table: JSON could replace it there."
_NOBODY = "Nothing reads the printed table: README.md shows the commands, the tests call `show` and `next_high`."


def formatting_agent(me: Transcript) -> Call:
    """A `Task` whose messages appear as `agent_progress` in the session itself."""
    agent_id = "a7c41e2"
    calls = (Usage(4, 3_100, 0, 0, 118), Usage(6, 640, 0, 3_100, 204))

    def wrap(session: Transcript, tool_id: str, wrapper: str, message: Record) -> None:
        data = {
            "message": message,
            "normalizedMessages": [],
            "type": "agent_progress",
            "prompt": _FORMATTING,
            "agentId": agent_id,
        }
        session.progress(data, wrapper, tool_id, 1.1)

    def user(session: Transcript, content: list[Record]) -> Record:
        message = {"role": "user", "content": content}
        return {"type": "user", "message": message, "uuid": session.next_uuid(), "timestamp": stamp(session.at)}

    def between(session: Transcript, tool_id: str) -> None:
        wrapper = session.next_id("agent_msg_01")
        wrap(session, tool_id, wrapper, user(session, [{"type": "text", "text": _FORMATTING}]))
        search_id = session.next_id("toolu_01")
        search = {"type": "tool_use", "id": search_id, "name": "Grep", "input": {"pattern": "height", "-n": True}}
        blocks = [[{"type": "text", "text": "I'll search for the word height."}, search]]
        blocks.append([{"type": "text", "text": _FOUND}])
        for usage, contents in zip(calls, blocks, strict=True):
            message_id, request_id = session.next_id("msg_01"), session.next_id("req_011C", 20)
            for index, block in enumerate(contents):
                output = usage.output if index == len(contents) - 1 else 2
                message = {
                    "model": SONNET,
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
            if search in contents:
                found = 'tidebook.py:21:    return f"{time:%Y-%m-%d %H:%M}  {kind:<4}  {height:5.2f} m"'
                answer = {"tool_use_id": search_id, "type": "tool_result", "content": found}
                wrap(session, tool_id, wrapper, user(session, [answer]))

    def run(session: Transcript) -> Result:
        return agent_result(agent_id, _FORMATTING, _FOUND, calls, tools=1, milliseconds=7_940)

    given = {"description": "Find height formatting", "prompt": _FORMATTING, "subagent_type": "Explore"}
    return Call("Task", given, run, between)


def readers_agent(world: World, me: Transcript) -> Call:
    """An `Agent` with a transcript of its own below the session's directory."""
    agent_id = "a90f3d64b1c2e5a78"
    calls = (Usage(3, 2_900, 0, 0, 86), Usage(4, 510, 0, 2_900, 173))

    def between(session: Transcript, tool_id: str) -> None:
        agent = Transcript(
            "json/agent",
            session.cwd,
            session.version,
            SONNET,
            session.at,
            branch=session.branch,
            session_id=session.session_id,
            agent_id=agent_id,
            entrypoint=session.entrypoint,
        )
        tools = Tools(world.repository, session.cwd)
        agent.prompt_id = session.prompt_id
        agent.user(_READERS, 0.1)
        hits = ("README.md:5:    python -m tidebook.cli", "tests/test_tidebook.py:3:from tidebook.cli import TABLE")
        agent.respond(calls[0], "Searching the texts and the tests.", tools.grep("tidebook", *hits))
        agent.respond(calls[1], _NOBODY)
        session.at = agent.at
        meta = {"agentType": "Explore", "description": "Find readers of the table", "toolUseId": tool_id}
        world.subagent(session, agent, json.dumps(meta, separators=(",", ":")).encode())

    def run(session: Transcript) -> Result:
        return agent_result(agent_id, _READERS, _NOBODY, calls, tools=1, milliseconds=6_300)

    given = {"description": "Find readers of the table", "prompt": _READERS, "subagent_type": "Explore"}
    return Call("Agent", given, run, between)


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
