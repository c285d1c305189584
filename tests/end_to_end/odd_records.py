"""Session files full of odd records: each is JSON that a real log might hold after a bug, a crash or a new version."""

from __future__ import annotations

import itertools
import json
from typing import Any

Record = dict[str, Any]
TEXT = [{"type": "text", "text": "x"}]
_numbers = itertools.count(1)


def record(kind: str, **fields: Any) -> Record:
    number = next(_numbers)
    base = {
        "type": kind,
        "uuid": f"00000000-0000-4000-8000-{number:012d}",
        "timestamp": f"2026-01-01T00:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
        "cwd": "/home/sam/code/odd",
        "version": "2.1.70",
    }
    return base | fields


def user(content: Any, **fields: Any) -> Record:
    return record("user", message={"role": "user", "content": content}, **fields)


def assistant(content: Any, usage: Any = None, model: Any = "claude-opus-4-5", **fields: Any) -> Record:
    message = {"id": f"msg_{next(_numbers)}", "role": "assistant", "model": model, "content": content, "usage": usage}
    return record("assistant", message=message | fields.pop("message", {}), **fields)


def without(found: Record, *keys: str) -> Record:
    return {key: value for key, value in found.items() if key not in keys}


def call(identity: Any, name: Any = "Bash", arguments: Any = None) -> Record:
    return {"type": "tool_use", "id": identity, "name": name, "input": arguments}


def answer(identity: Any, content: Any = "r", **fields: Any) -> Record:
    return {"type": "tool_result", "tool_use_id": identity, "content": content, **fields}


def sessions() -> dict[str, list[Any]]:
    """Lines of each session by its name: records, or text and bytes that are no record."""
    contents = [None, 5, True, {"a": 1}, [[["x"]]], ["plain", 5, None, {"type": "text"}], "[no json", '{"a":', "", []]
    counts = [-5, 1.5, 1e30, True, "12", "abc", {"a": 1}, 9223372036854775807, 9_000_000_000_000_000, 10**30]
    times = [
        None,
        "",
        "garbage",
        5,
        "infinity",
        "290000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01",
        {"a": 1},
    ]
    echo = {"type": "agent_progress", "message": {"message": {"role": "user", "content": "no type"}}}
    return {
        "contents": [maker(content) for maker in (user, assistant) for content in contents],
        "messages": [record("user", message=message) for message in (None, "text", [1])] + [record("assistant")],
        "types": [{"type": kind} for kind in (None, 5, {"a": 1}, ["user"])] + [{}, [], '"text"', "5", "null"],
        "usage": [assistant(TEXT, usage={"input_tokens": count, "output_tokens": 1}) for count in counts]
        + [assistant(TEXT, usage=usage) for usage in ("text", [1], None, {"input_tokens": None})],
        "models": [assistant(TEXT, model=model) for model in (None, "", 5, {"a": 1}, "o'brien", "<synthetic>")],
        "times": [user("t", timestamp=time) for time in times],
        "ids": [user(str(i), uuid=uuid) for i, uuid in enumerate([None, None, "", "", 5])]
        + [assistant(TEXT, uuid=""), assistant(TEXT, message={"id": ""}), assistant(TEXT, message={"id": {"a": 1}})]
        + [without(assistant(TEXT, message={"id": None}), "uuid"), without(user("none"), "uuid")],
        "one-uuid": [assistant([{"type": "text", "text": text}], uuid="same") for text in ("first", "second")],
        "calls": [
            user([answer("early")]),
            assistant([call("early"), call("twice"), call("twice"), {"type": "tool_use", "name": "Bash"}]),
            user([answer("twice"), answer("twice", "no", is_error=True), {"type": "tool_result", "content": "lost"}]),
            assistant(
                [
                    call("n", None),
                    call("s", "Bash", "[1"),
                    call("l", "Edit", [1, 2]),
                    call("o", "Edit", {"file_path": {}}),
                ]
            ),
            user([answer("n", {"a": 1}), answer("s", 5, is_error="maybe"), answer("l", ["x", None])]),
            record("user", message={"role": "user", "model": "m", "content": [call("of-a-user")]}),
        ],
        "calls-elsewhere": [assistant([call("early")]), user([answer("early")])],
        "attachments": [
            record("attachment", attachment=attachment)
            for attachment in (None, "text", {"type": "new"}, {"type": "queued_command", "prompt": "[1,2]"})
        ]
        + [without(record("attachment", attachment={"type": "queued_command", "prompt": "hi"}), "uuid")],
        "progress": [
            record("progress", data=data)
            for data in (None, 5, echo, echo | {"agentId": "q"}, echo | {"agentId": "a/../b"})
        ],
        "outcomes": [
            user("x", toolUseResult=outcome) for outcome in ("text", None, 5, [1], {"file": 5}, {"agentId": 5})
        ],
        "paths": [user("x", cwd=cwd) for cwd in (None, 5, "", "/", "C:\\Users\\sam\\odd", "c:/Users/sam/odd")],
        "titles": [
            record("summary", summary={"a": 1}, leafUuid=5),
            record("summary", summary="", leafUuid=None),
            record("pr-link", prNumber="abc", prUrl=None),
            record("system", subtype={"a": 1}),
            record("queue-operation"),
        ],
        "flags": [user("x", isMeta="yes", isSidechain="x", isCompactSummary=5), user("\u0000 nul \u0000")],
        "broken": [
            b'{"type":"user"',
            b"\xff\xfe",
            b"\x00\x00",
            "",
            "   ",
            '{"a":1}{"b":2}',
            json.dumps(user("cr")) + "\r",
        ],
        "surrogates": [json.dumps(user("q")).replace('"q"', '"\\ud83d x"')],
        "large": [user("x" * 3_000_000)],
        "split-a": [
            user("a"),
            assistant(TEXT, uuid="u1", message={"id": "split"}),
            assistant(TEXT, uuid="u2", message={"id": "split"}),
        ],
        "split-b": [
            user("b"),
            assistant(TEXT, uuid="u1", message={"id": "split"}),
            assistant([call("of-b")], uuid="u3", message={"id": "split"}),
        ],
        "agent-lost": [user("flat", sessionId="../../etc", isSidechain=True)],
        "empty": [],
    }
