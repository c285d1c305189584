"""Session files whose turns, subagents and tool inputs are odd: what a human, a crash or a fork can leave behind."""

from __future__ import annotations

import json
from typing import Any

from tests.end_to_end.odd_records import TEXT, Record, answer, assistant, call, record, user, without

Sessions = dict[str, list[Any]]
# Inputs of a tool, also such as no tool takes; a text that looks like JSON stays a text.
INPUTS: list[Any] = [
    {"command": "echo \u0000 \u0001 \u001f \u007f \u0085 \u2028"},
    [],
    [1, "a", None],
    "text",
    "",
    "null",
    "NaN",
    "[1,]",
    '{"a":1,}',
    "{'a':1}",
    '"quoted"',
    "5",
    5,
    1.5,
    True,
    None,
    {},
    {"a": {"b": [None]}},
    {"": "", "\u0000": "\u0000"},
]
REFUSED = "The user doesn't want to proceed with this tool use. The tool use was rejected. the user said: no"


def prompt(text: str, **fields: Any) -> Record:
    return user(text, **fields)


def said(text: str, **fields: Any) -> Record:
    return assistant([{"type": "text", "text": text}], **fields)


def queued(text: Any, **fields: Any) -> Record:
    return record("attachment", attachment={"type": "queued_command", "prompt": text}, **fields)


def edit(identity: str, path: Any, **fields: Any) -> Record:
    return assistant([call(identity, "Edit", {"file_path": path, "old_string": "a", "new_string": "b"})], **fields)


def forked(found: Record, session: str) -> Record:
    return found | {"forkedFrom": {"sessionId": session, "messageUuid": found.get("uuid")}}


def turns() -> Sessions:
    image = [{"type": "image", "source": {"type": "base64", "data": "AA=="}}]
    original = [prompt("fork me"), said("one"), prompt("again"), said("two"), edit("fork-call", "/home/sam/code/odd/f")]
    unmarked = [prompt("copy me"), said("one"), prompt("copy me again"), said("two")]
    echo = {"type": "agent_progress", "message": {"type": "user", "message": {"role": "user", "content": "go"}}}
    return {
        "turns-bare": [without(prompt(str(i)), "uuid", "timestamp") for i in range(3)]
        + [without(said("x"), "uuid", "timestamp"), prompt("last")],
        "turns-same-uuid": [prompt("first", uuid="p"), said("a"), prompt("second", uuid="p"), said("b"), prompt("c")],
        "turns-same-message": [
            record("user", message={"role": "user", "content": text, "id": "m"}) for text in ("one", "two")
        ]
        + [said("a"), queued("q", uuid="m"), user("late", uuid="q2"), queued("q", uuid="q2")],
        "turns-empty": [prompt(""), said("a"), prompt("   "), prompt("\n"), user([]), user(None), said("b")],
        "turns-images": [user(image), said("a"), user([*image, *image]), user([*image, *TEXT])],
        "turns-no-prompt": [said("a"), assistant([call("np", "Bash", {"command": "ls"})]), user([answer("np")])],
        "turns-titles-only": [record("summary", summary="s", leafUuid="l")],
        "turns-prompt-only": [prompt("a")],
        "turns-forked": original,
        "turns-fork-a": [*(forked(line, "turns-forked") for line in original), prompt("mine"), said("c")],
        "turns-fork-b": [*(forked(line, "turns-forked") for line in original[:3]), said("d"), prompt("e")],
        "turns-copy-z": [*unmarked, prompt("z")],
        "turns-copy-a": [*unmarked[:3], prompt("a"), *unmarked[3:]],
        "turns-clock": [
            prompt("future", timestamp="2027-01-01T00:00:00Z"),
            said("past", timestamp="2025-01-01T00:00:00Z"),
            prompt("past", timestamp="2024-01-01T00:00:00+14:00"),
            said("none", timestamp=None),
            prompt("none", timestamp=None),
            prompt("again", timestamp="2027-01-01T00:00:00Z"),
        ],
        "turns-queued": [
            prompt("go"),
            assistant([call("q1", "Bash", {"command": "sleep"}), call("q2", "Bash", {"command": "ls"})]),
            queued("stop that"),
            user([answer("q1", "done")]),
            queued("and that", uuid=None),
            queued("and that", uuid=None),
            user([answer("q2", "late", is_error=True)]),
            said("ok"),
        ],
        "turns-late-answers": [
            prompt("start"),
            assistant([call("slow", "Bash", {"command": "pytest"}), call("never", "Read", {"file_path": "/a"})]),
            assistant([call("read", "Read", {"file_path": "/home/sam/code/odd/secret.py"})]),
            prompt("next, not knowing"),
            user([answer("slow", "SLOW-ANSWER 1 failed", is_error=True), answer("read", "READ-ANSWER")]),
            said("ah"),
            prompt("now knowing"),
            said("yes"),
        ],
        "turns-refused": [
            prompt("p"),
            edit("refused", "/x"),
            user([answer("refused", REFUSED, is_error=True)]),
            user("[Request interrupted by user for tool use]"),
            user("[Request interrupted by user]"),
            user("Summary", isCompactSummary=True),
        ],
        "turns-spawn": [
            prompt("one"),
            assistant([call("t1", "Task", {"prompt": "go"})]),
            prompt("two"),
            assistant([call("t2", "Task", {"prompt": "go"})]),
            user([answer("t1", "async report")], toolUseResult={"agentId": "a1"}),
            prompt("three"),
            user([answer("t2", "async report")], toolUseResult={"agentId": "b1"}),
            user("<task-notification>done</task-notification>"),
            record("progress", data=echo | {"agentId": "old"}, parentToolUseID="gone"),
            prompt("four"),
        ],
        "turns-spawn-elsewhere": [prompt("one"), assistant([call("only-here", "Task", {"prompt": "go"})])],
        "turns-malformed": [prompt("a"), b'{"type":"user"', said("b"), prompt("c"), b"\xff", "", said("d")],
    }


def subagents() -> dict[str, tuple[dict[str, Any], list[Any]]]:
    """Sidecar and lines of each subagent file by its path, without a suffix."""
    echo = {
        "type": "agent_progress",
        "agentId": "deep-echo",
        "message": {"type": "assistant", "message": {"role": "assistant", "id": "deep", "content": TEXT}},
    }
    early = {"timestamp": "2020-01-01T00:00:00Z"}

    def work(tool_use_id: str | None, *calls: Any) -> list[Any]:
        agent = {"isSidechain": True} | early
        return [user("sub", **agent), said("did", **agent), *(assistant([each], **agent) for each in calls)]

    below = "turns-spawn/subagents/"
    return {
        f"{below}agent-a1": ({}, work(None, call("deep2", "Task"))),
        f"{below}agent-b1": ({"toolUseId": "t2"}, work(None, call("d1", "Task"))),
        f"{below}agent-b2": ({"toolUseId": "d1", "spawnDepth": 2}, work(None, call("d2", "Task"))),
        f"{below}agent-b3": ({"toolUseId": "d2", "spawnDepth": 3}, work(None, call("d3", "Task"))),
        f"{below}agent-b4": (
            {"toolUseId": "d3", "spawnDepth": 4},
            [*work(None), record("progress", data=echo, parentToolUseID="d4")],
        ),
        f"{below}agent-self": ({"toolUseId": "self"}, work(None, call("self", "Task"))),
        f"{below}agent-loop1": ({"toolUseId": "loop2"}, work(None, call("loop1", "Task"))),
        f"{below}agent-loop2": ({"toolUseId": "loop1"}, work(None, call("loop2", "Task"))),
        f"{below}agent-far": ({"toolUseId": "only-here"}, work(None)),
        f"{below}agent-empty": ({"toolUseId": "t2"}, []),
        "turns-orphan/subagents/agent-a1": ({"toolUseId": "t1"}, work(None, call("orphan", "Bash", {"command": "ls"}))),
    }


def episodes() -> Sessions:
    paths = [
        "it's.py",
        'quo"te.py',
        "new\nline.py",
        "back\\slash.py",
        "C:\\Users\\sam\\odd\\a.py",
        "c:/Users/sam/odd/a.py",
        "",
        " ",
        "/",
        "..",
        "/home/sam/code/odd",
        "/home/sam/code/odd/",
        "/home/sam/code/odd/in.py",
        "\u0000.py",
        "%_.py",
        "é.py",
        "e\u0301.py",
        "😀.py",
        5,
        None,
        [],
        {"a": 1},
        "x" * 5000,
    ]
    lines: list[Any] = []
    for number, value in enumerate(INPUTS):
        identity = f"input-{number}"
        lines += [prompt(f"input {number}"), assistant([call(identity, "Bash", value)]), user([answer(identity)])]
    touched: list[Any] = [prompt("touch")]
    for number, path in enumerate(paths):
        identity = f"path-{number}"
        touched += [edit(identity, path), user([answer(identity, "ok")])]
    touched += [prompt("what is there?"), said("much")]
    failing: list[Any] = [prompt("fail")]
    for number, text in enumerate(
        ["\u0000\u0001", "x" * 10_000, "", None, [], [{"type": "image"}], "😀" * 300, {"a": 1}]
    ):
        identity = f"fail-{number}"
        failing += [
            assistant([call(identity, None if number == 1 else "Bash")]),
            user([answer(identity, text, is_error=True)]),
        ]
        failing += [prompt(f"fail {number}")]
    parallel = [prompt("many"), assistant([call(f"par-{i}", "Read", {"file_path": f"/p/{i}"}) for i in range(60)])]
    parallel += [user([answer(f"par-{i}", str(i), is_error=i % 7 == 0) for i in reversed(range(60))]), prompt("then")]
    surrogate = json.dumps(assistant([call("surrogate", "Bash", {"command": "S", "S": "S"})])).replace(
        '"S"', '"\\udc00x"'
    )
    return {
        "episodes-inputs": [*lines, prompt("end")],
        "episodes-paths": touched,
        "episodes-errors": failing,
        "episodes-parallel": parallel,
        "episodes-surrogates": [
            prompt("a"),
            surrogate,
            json.dumps(prompt("P")).replace('"P"', '"\\ud83d p"'),
            json.dumps(said("P")).replace('"P"', '"\\ud83d p"'),
            prompt("\u0000 nul \u001b[31m \u2028"),
            said("\u0000"),
            prompt("c"),
        ],
        "episodes-nan": [
            prompt("a"),
            '{"type":"assistant","uuid":"nan","message":{"role":"assistant","content":['
            '{"type":"tool_use","id":"nan","name":"Bash","input":{"a":NaN,"b":-Infinity}}]}}',
            prompt("b"),
        ],
        "episodes-large": [
            prompt("y" * 2_000_000),
            assistant([call("large", "Write", {"file_path": "/l", "content": "z" * 5_000_000})]),
            user([answer("large", "w" * 1_000_000, is_error=True)]),
            said("v" * 9000),
            prompt("after"),
            said("short"),
            prompt("é" * 4000),
            said("é" * 5000),
            prompt("end"),
        ],
    }
