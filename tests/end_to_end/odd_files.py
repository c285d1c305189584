"""Writes the odd sessions as an agent leaves them: files of lines, subagents below their session, sidecars beside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.end_to_end import odd_records, odd_turns


def write(directory: Path) -> int:
    """Write the sessions below `directory`; the number of lines written."""
    written = 0
    for name, lines in (odd_records.sessions() | odd_turns.turns() | odd_turns.episodes()).items():
        written += write_lines(directory / f"{name}.jsonl", lines)
    for path, (sidecar, lines) in odd_turns.subagents().items():
        written += write_lines(directory / f"{path}.jsonl", lines)
        (directory / f"{path}.meta.json").write_text(json.dumps(sidecar), encoding="utf-8")
    written += write_lines(directory / "no-parent/subagents/agent-a1.jsonl", [odd_records.user("sub", agentId="a1")])
    (directory / "no-parent/subagents/agent-a1.meta.json").write_text(
        '{"agentType": 5, "spawnDepth": "x"', encoding="utf-8"
    )
    return written


def write_lines(path: Path, lines: Iterable[Any]) -> int:
    encoded = [
        line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
        for line in lines
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in encoded))
    return len(encoded)
