"""The places of a session record in which a text can stand, as Claude Code writes its logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.redaction.planted.draw import Draw

Record = dict[str, Any]
Place = Callable[[Draw, str], Record]


def _base(d: Draw, kind: str) -> Record:
    return {
        "parentUuid": d.uuid(), "isSidechain": False, "userType": "external", "cwd": "/home/dev/acme",
        "sessionId": d.uuid(), "version": "2.1.42", "gitBranch": "main", "type": kind,
        "uuid": d.uuid(), "timestamp": "2026-01-05T12:34:56.789Z",
    }  # fmt: skip


def _user(d: Draw, content: object, **more: object) -> Record:
    return _base(d, "user") | {"message": {"role": "user", "content": content}} | more


def _assistant(d: Draw, block: Record) -> Record:
    message = {
        "model": "claude-opus-4-5-20251101", "id": "msg_01" + d.alnum(22), "type": "message", "role": "assistant",
        "content": [block], "stop_reason": None,
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 1234, "output_tokens": 321},
    }  # fmt: skip
    return _base(d, "assistant") | {"message": message, "requestId": "req_011C" + d.alnum(20)}


def _tool_use(d: Draw, name: str, **fields: object) -> Record:
    return _assistant(d, {"type": "tool_use", "id": "toolu_01" + d.alnum(22), "name": name, "input": fields})


def _result(d: Draw, content: object, outcome: object = None) -> Record:
    block = {"tool_use_id": "toolu_01" + d.alnum(22), "type": "tool_result", "content": content, "is_error": False}
    return _user(d, [block], toolUseResult=outcome if outcome is not None else content)


def _patch(d: Draw, text: str) -> Record:
    sign = d.choice("+- ")
    lines = [" def before():", *(sign + line for line in text.split("\n")), "     return 1"]
    hunk = {"oldStart": 1, "oldLines": 3, "newStart": 1, "newLines": len(lines), "lines": lines}
    outcome = {
        "filePath": "/a/b.py",
        "oldString": "x",
        "newString": "y",
        "structuredPatch": [hunk],
        "userModified": False,
    }
    return _result(d, "The file /a/b.py has been updated.", outcome)


def _progress(d: Draw, **data: object) -> Record:
    return _base(d, "progress") | {"data": data, "toolUseID": "toolu_01" + d.alnum(22)}


def _notebook(d: Draw, text: str) -> Record:
    source = [line + "\n" for line in text.split("\n")]
    return _result(d, [{"type": "text", "text": json.dumps({"cells": [{"cell_type": "code", "source": source}]})}])


PLACES: dict[str, Place] = {
    "prompt": lambda d, t: _user(d, t),
    "prompt block": lambda d, t: _user(d, [{"type": "text", "text": f"Look:\n{t}\nthanks"}]),
    "assistant text": lambda d, t: _assistant(d, {"type": "text", "text": f"I see:\n\n{t}\n\nDone."}),
    "thinking": lambda d, t: _assistant(d, {"type": "thinking", "thinking": f"Hm.\n{t}", "signature": d.base64(400) + "=="}),
    "tool command": lambda d, t: _tool_use(d, "Bash", command=t, description="Run it"),
    "tool content": lambda d, t: _tool_use(d, "Write", file_path="/a/.env", content=f"# file\n{t}\n"),
    "edit old": lambda d, t: _tool_use(d, "Edit", file_path="/a/b", old_string=t, new_string="gone"),
    "edit new": lambda d, t: _tool_use(d, "Edit", file_path="/a/b", old_string="x", new_string=f"a\n{t}\nb"),
    "multi edit": lambda d, t: _tool_use(d, "MultiEdit", edits=[{"old_string": "a", "new_string": t}]),
    "mcp input": lambda d, t: _tool_use(d, "mcp__db__query", options={"deep": [{"text": t}]}),
    "subagent prompt": lambda d, t: _tool_use(d, "Task", prompt=f"Do this: {t}", subagent_type="general-purpose"),
    "todo": lambda d, t: _tool_use(d, "TodoWrite", todos=[{"content": t, "status": "pending", "activeForm": "x"}]),
    "result string": lambda d, t: _result(d, t),
    "result block": lambda d, t: _result(d, [{"type": "text", "text": t}], [{"type": "text", "text": t}]),
    "stdout": lambda d, t: _result(d, "ok", {"stdout": f"$ run\n{t}\n", "stderr": "", "interrupted": False}),
    "stderr": lambda d, t: _result(d, "failed", {"stdout": "", "stderr": f"error:\n{t}", "interrupted": False}),
    "file content": lambda d, t: _result(d, "read", {"type": "text", "file": {"filePath": "/a", "content": t, "numLines": 3}}),
    "numbered file": lambda d, t: _result(d, "\n".join(f"{n:6}→{line}" for n, line in enumerate(t.split("\n"), 1))),
    "original file": lambda d, t: _result(d, "updated", {"filePath": "/a", "originalFile": f"a\n{t}\n", "structuredPatch": []}),
    "structured patch": _patch,
    "diff": lambda d, t: _result(d, "@@ -1,2 +1,3 @@\n" + "\n".join("+" + line for line in t.split("\n")) + "\n context"),
    "grep": lambda d, t: _result(d, "\n".join(f"src/app/.env:{n}:{line}" for n, line in enumerate(t.split("\n"), 1))),
    "notebook": _notebook,
    "queue operation": lambda d, t: {"type": "queue-operation", "operation": "enqueue", "content": t, "sessionId": d.uuid()},
    "title": lambda d, t: {"type": "summary", "summary": f"Rotate {t}", "leafUuid": d.uuid()},
    "custom title": lambda d, t: {"type": "custom-title", "customTitle": t, "sessionId": d.uuid()},
    "attachment": lambda d, t: _base(d, "attachment") | {"attachment": {"type": "file", "content": {"text": t}}},
    "hook output": lambda d, t: _base(d, "system") | {"subtype": "stop_hook_summary", "hookInfos": [{"command": "x", "output": t}]},
    "hook progress": lambda d, t: _progress(d, type="hook_progress", hookEvent="Stop", stdout=t),
    "subagent record": lambda d, t: _progress(d, type="agent_progress", message={"message": {"content": [{"type": "text", "text": t}]}}),
    "bash progress": lambda d, t: _progress(d, type="bash_progress", output=t, fullOutput=t, elapsedTimeSeconds=3),
    "local command": lambda d, t: _base(d, "system") | {"content": f"<local-command-stdout>{t}</local-command-stdout>"},
    "command message": lambda d, t: _user(d, f"<command-name>/x</command-name>\n<command-args>{t}</command-args>"),
    "json in result": lambda d, t: _result(d, json.dumps({"ok": True, "output": t})),
    "json lines in result": lambda d, t: _result(d, "\n".join(map(json.dumps, ({"n": 1}, {"n": 2, "m": t}, {"n": 3})))),
    "json three deep": lambda d, t: _result(d, json.dumps({"a": json.dumps({"b": json.dumps({"c": t})})})),
    "compact summary": lambda d, t: _user(d, f"This session is continued.\n1. Secrets:\n   - {t}\n", isCompactSummary=True),
    "api error": lambda d, t: _base(d, "system") | {"subtype": "api_error", "error": {"message": t, "status": 401}},
}  # fmt: skip

# For a token that stands alone: it may be a whole value, a name, or a part of a path.
TOKEN_PLACES: dict[str, Place] = {
    "file path": lambda d, t: _tool_use(d, "Read", file_path=f"/home/dev/keys/{t}.txt"),
    "key of an object": lambda d, t: _base(d, "file-history-snapshot") | {"snapshot": {"trackedFileBackups": {t: {"version": 1}}}},
    "whole value": lambda d, t: _tool_use(d, "mcp__x__call", value=t),
    "array item": lambda d, t: _tool_use(d, "mcp__x__call", args=["run", "--with", t, "-v"]),
    "branch": lambda d, t: _base(d, "user") | {"gitBranch": t},
    "working directory": lambda d, t: _base(d, "user") | {"cwd": f"/srv/{t}/x"},
    "url": lambda d, t: _tool_use(d, "WebFetch", url=f"https://api.acme.io/{t}/me", prompt="read"),
    "environment": lambda d, t: _tool_use(d, "mcp__x__call", env={"SERVICE_VALUE": t, "PORT": "1"}),
}  # fmt: skip
