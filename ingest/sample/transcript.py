"""Writes one session file in the shapes of Claude Code 2.0.76 to 2.1.231: fixed ids, a clock of its own."""

from __future__ import annotations

import copy
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Record = dict[str, Any]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://example.com/ope/sample")
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# What a line shows of the output tokens before the response is complete.
_FIRST_OUTPUT = 3


@dataclass(frozen=True)
class Usage:
    """Tokens of one API response. All but `output` are the same on each of its lines. `speed` where it is said."""

    input: int
    write_5m: int
    write_1h: int
    read: int
    output: int
    speed: str = ""


@dataclass(frozen=True)
class Thinking:
    text: str


@dataclass(frozen=True)
class Result:
    """A tool's answer: what the model sees, and what the record keeps beside it (`toolUseResult`).

    `seconds` after the line before it; below 0 it is stamped earlier than what it follows, as logs do.
    """

    content: Any
    detail: Any
    is_error: bool | None = None
    seconds: float = 0.8


@dataclass(frozen=True)
class Call:
    """A tool call. `run` does the work when the result is due; `between` writes what comes between call and result."""

    name: str
    input: Record
    run: Callable[[Transcript], Result] | None
    between: Callable[[Transcript, str], None] | None = None


Block = str | Thinking | Call


@dataclass
class Transcript:
    """One session file in the making. `key` names the session and seeds all of its ids."""

    key: str
    cwd: str
    version: str
    model: str
    at: datetime
    branch: str = "main"
    session_id: str = ""
    slug: str | None = None
    agent_id: str | None = None
    entrypoint: str | None = None
    prompt_id: str | None = None
    parent: str | None = None
    lines: list[bytes] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    _counter: int = 0

    def __post_init__(self) -> None:
        self.session_id = self.session_id or make_uuid(f"session/{self.key}")

    # Bytes

    def line(self, record: Record) -> Record:
        """Append one record as one line."""
        self.records.append(record)
        self.raw(dump(record))
        return record

    def raw(self, line: bytes) -> None:
        """Append one line exactly as it is."""
        self.lines.append(line + b"\n")

    def cut(self, length: int) -> None:
        """Take bytes from the end, as a program does that dies while it writes its last line."""
        self.lines[-1] = self.lines[-1][:-length]

    def data(self) -> bytes:
        return b"".join(self.lines)

    def is_since(self, version: str) -> bool:
        """Whether this session's Claude Code is `version` or newer."""
        return _parts(self.version) >= _parts(version)

    # Ids and time

    def next_uuid(self) -> str:
        self._counter += 1
        return make_uuid(f"{self.key}/{self._counter}")

    def next_id(self, prefix: str, length: int = 22) -> str:
        self._counter += 1
        return prefix + make_token(f"{self.key}/{prefix}/{self._counter}", length)

    def tick(self, seconds: float = 1.0) -> str:
        """Let time pass and return the new time as a record shows it."""
        self.at += timedelta(seconds=seconds)
        return stamp(self.at)

    # Chained records

    def base(self, seconds: float, parent: str | bool | None = True) -> tuple[Record, Record]:
        """Head and tail of a chained record: every type puts its own keys between them."""
        head: Record = {
            "parentUuid": self.parent if parent is True else parent,
            "isSidechain": self.agent_id is not None,
        }
        if self.agent_id:
            head["agentId"] = self.agent_id
        head |= {"userType": "external"}
        if self.entrypoint:
            head["entrypoint"] = self.entrypoint
        head |= {"cwd": self.cwd, "sessionId": self.session_id, "version": self.version, "gitBranch": self.branch}
        if self.slug:
            head["slug"] = self.slug
        if self.is_since("2.1.199"):
            head["session_id"] = self.session_id
        self.parent = self.next_uuid()
        return head, {"uuid": self.parent, "timestamp": self.tick(seconds)}

    def user(self, content: Any, seconds: float = 0.2, **extra: Any) -> Record:
        head, tail = self.base(seconds)
        if self.prompt_id:
            head["promptId"] = self.prompt_id
        return self.line({**head, "type": "user", "message": {"role": "user", "content": content}, **tail, **extra})

    def prompt(self, text: str | list[Record], seconds: float = 30.0, **extra: Any) -> Record:
        """A human prompt (text, or blocks where an image is part of it), with the keys that its version adds."""
        if self.is_since("2.1.78"):
            self.prompt_id = self.next_uuid()
            typed = {"origin": {"kind": "human"}, "promptSource": "typed"} if self.is_since("2.1.168") else {}
            return self.user(text, seconds, permissionMode="default", **typed, **extra)
        level = {"level": "high", "disabled": False, "triggers": []}
        thinking = level if not self.is_since("2.1.0") else {"maxThinkingTokens": 31999}
        mode = {} if not self.is_since("2.1.15") else {"permissionMode": "default"}
        return self.user(text, seconds, thinkingMetadata=thinking, todos=[], **mode, **extra)

    def respond(self, usage: Usage, *blocks: Block, model: str | None = None) -> None:
        """One API response: a line per block, output tokens complete on the last one only; then the tools' results."""
        message_id, request_id = self.next_id("msg_01"), self.next_id("req_011C", 20)
        pace = round(1.2 + usage.output / (40 * len(blocks)), 1)
        pending: list[tuple[Call, str, str]] = []
        for index, block in enumerate(blocks):
            last = index == len(blocks) - 1
            content, tool_id = self._block(block)
            head, tail = self.base(pace)
            output = usage.output if last else min(_FIRST_OUTPUT + 5 * index, usage.output)
            message = {
                "model": model or self.model,
                "id": message_id,
                "type": "message",
                "role": "assistant",
                "content": [content],
                "stop_reason": self._stop_reason(blocks),
                "stop_sequence": None,
                "usage": usage_record(usage, output),
            }
            self.line({**head, "message": message, "requestId": request_id, "type": "assistant", **tail})
            if isinstance(block, Call):
                pending.append((block, tool_id, tail["uuid"]))
        for call, tool_id, assistant_uuid in pending:
            if call.between:
                call.between(self, tool_id)
            if call.run:
                self.result(tool_id, assistant_uuid, call.run(self))

    def result(self, tool_id: str, assistant_uuid: str, result: Result) -> Record:
        block: Record = {"tool_use_id": tool_id, "type": "tool_result", "content": result.content}
        if result.is_error:
            block = {"type": "tool_result", "content": result.content, "is_error": True, "tool_use_id": tool_id}
        elif result.is_error is False:
            block["is_error"] = False
        source = {} if not self.is_since("2.1.1") else {"sourceToolAssistantUUID": assistant_uuid}
        return self.user([block], result.seconds, toolUseResult=result.detail, **source)

    def system(self, subtype: str, seconds: float = 0.1, parent: str | bool | None = True, **extra: Any) -> Record:
        logical = {"logicalParentUuid": self.parent} if parent is None else {}
        head, tail = self.base(seconds, parent)
        return self.line({**head, **logical, "type": "system", "subtype": subtype, **extra, **tail})

    def progress(self, data: Record, tool_use_id: str, parent_tool_use_id: str, seconds: float = 0.3) -> Record:
        head, tail = self.base(seconds)
        ids = {"toolUseID": tool_use_id, "parentToolUseID": parent_tool_use_id}
        return self.line({**head, "type": "progress", "data": data, **ids, **tail})

    def attachment(self, attachment: Record, seconds: float = 0.2) -> Record:
        head, tail = self.base(seconds)
        first = {key: head.pop(key) for key in ("parentUuid", "isSidechain")}
        return self.line({**first, "attachment": attachment, "type": "attachment", **tail, **head})

    # Copies

    def copy_from(self, records: Iterable[Record], *, forked_from: bool) -> None:
        """What a fork does: chained records of another session again, same uuid and time, under this session's id."""
        for record in records:
            if "uuid" not in record:
                continue
            twin = copy.deepcopy(record)
            if forked_from:
                twin["forkedFrom"] = {"sessionId": record["sessionId"], "messageUuid": record["uuid"]}
            twin["sessionId"] = self.session_id
            self.line(twin)
            self.parent = twin["uuid"]

    def _block(self, block: Block) -> tuple[Record, str]:
        if isinstance(block, str):
            return {"type": "text", "text": block}, ""
        if isinstance(block, Thinking):
            shown = block.text if not self.is_since("2.1.78") else ""
            return {"type": "thinking", "thinking": shown, "signature": self.next_id("Ep", 120)}, ""
        tool_id = self.next_id("toolu_01")
        caller = {} if not self.is_since("2.1.78") else {"caller": {"type": "direct"}}
        return {"type": "tool_use", "id": tool_id, "name": block.name, "input": block.input, **caller}, tool_id

    def _stop_reason(self, blocks: tuple[Block, ...]) -> str | None:
        if not self.is_since("2.1.101"):
            return None
        return "tool_use" if any(isinstance(block, Call) for block in blocks) else "end_turn"


def usage_record(usage: Usage, output: int) -> Record:
    """The `usage` object as the API returns it."""
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
        "cache_read_input_tokens": usage.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.write_5m,
            "ephemeral_1h_input_tokens": usage.write_1h,
        },
        "output_tokens": output,
        "service_tier": "standard",
        **({"speed": usage.speed} if usage.speed else {}),
    }


def make_uuid(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))


def make_token(name: str, length: int) -> str:
    """Text that looks random and is a function of `name` alone."""
    number = int.from_bytes(hashlib.sha512(name.encode()).digest() * 2, "big")
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def dump(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
