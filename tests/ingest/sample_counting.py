"""A count of the bundled sample, small and independent of the product: plain dictionaries, the rules of the design.

`test_sample_numbers.py` compares it with the numbers that were counted by hand.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from ingest.sample import SamplePaths

EXPECTED = json.loads((Path(__file__).parent / "sample_expected.json").read_text(encoding="utf-8"))
KEYS = {session_id: key for key, session_id in EXPECTED["sessions"]["ids"].items()}
SUBAGENTS = ("agent", "flat")
TOKENS = ("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens")
PRICES = {  # dollars per million tokens, in the order of TOKENS
    "claude-opus-4-5-20251101": ("5", "25", "6.25", "10", "0.50"),
    "claude-sonnet-4-5-20250929": ("3", "15", "3.75", "6", "0.30"),
    "claude-opus-4-6": ("5", "25", "6.25", "10", "0.50"),
    "claude-sonnet-4-6": ("3", "15", "3.75", "6", "0.30"),
}
FAST_PRICES = {"claude-opus-4-6": ("30", "150", "37.50", "60", "3")}
KNOWN_TYPES = {
    *("ai-title", "assistant", "attachment", "custom-title", "file-history-snapshot", "last-prompt", "mode"),
    *("permission-mode", "pr-link", "progress", "queue-operation", "summary", "system", "user"),
}


def session_files(paths: SamplePaths) -> dict[str, Path]:
    """Session key -> transcript, by the session identity of the design: the stem, or parent/stem for a subagent.

    Of a session that stands in two directories, the longer file.
    """
    found: dict[str, Path] = {}
    for path in sorted(paths.projects.rglob("*.jsonl"), key=lambda path: path.stat().st_size):
        parent = path.parts[-3] if path.parent.name == "subagents" else ""
        if path.stem.startswith("agent-") and not parent:
            parent = json.loads(path.read_bytes().splitlines()[0])["sessionId"]
        found[KEYS[f"{parent}/{path.stem}" if parent else path.stem]] = path
    return found


def readable_records(paths: SamplePaths) -> dict[str, list[dict]]:
    """Session key -> records that can be read, bad bytes replaced."""
    found: dict[str, list[dict]] = {}
    for key, path in session_files(paths).items():
        found[key] = []
        for line in path.read_bytes().splitlines():
            try:
                found[key].append(json.loads(line.decode("utf-8", "replace")))
            except json.JSONDecodeError:
                pass  # counted by test_lines
    return found


def owned_records(records: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """Session key -> its chained records, each uuid once and only under its owner."""
    holders: dict[str, dict[str, dict]] = defaultdict(dict)
    for key, rows in records.items():
        for row in rows:
            if "uuid" in row:
                holders[row["uuid"]].setdefault(key, row)
    first_own: dict[str, str] = {}
    for key, rows in records.items():
        own = [row["timestamp"] for row in rows if "uuid" in row and len(holders[row["uuid"]]) == 1]
        first_own[key] = min(own, default="9")  # none of its own: after all others
    ids = EXPECTED["sessions"]["ids"]
    result: dict[str, list[dict]] = defaultdict(list)
    for by_key in holders.values():
        original = [key for key in by_key if "forkedFrom" not in by_key[key]] or list(by_key)
        owner = min(original, key=lambda key: (first_own[key], ids[key]))
        result[owner].append(by_key[owner])
    return result


def blocks(message: dict, kind: str) -> list[dict]:
    content = message["content"]
    return [block for block in content if block["type"] == kind] if isinstance(content, list) else []


def progress_messages(rows: list[dict]) -> list[dict]:
    return [row["data"]["message"] for row in rows if row.get("data", {}).get("type") == "agent_progress"]


def is_human(row: dict) -> bool:
    """A prompt typed by a person: machine text is told apart by its marks."""
    content = row["message"]["content"]
    return (
        row["type"] == "user"
        and isinstance(content, str)
        and not row.get("isMeta")
        and not row.get("isCompactSummary")
        and not row["isSidechain"]
        and not content.startswith("<")
    )


def spoken(rows: list[dict], role: str) -> list[dict]:
    return [row for row in rows if row["type"] == role]


def responses(messages: list[dict]) -> dict[str, dict]:
    """The last line of each API response by message id; the agent's own placeholders are none."""
    return {
        row["message"]["id"]: row["message"] | {"sent_at": row["timestamp"]}
        for row in messages
        if row["message"]["model"] != "<synthetic>"
    }


def by_provenance(owned: dict[str, list[dict]]) -> dict[str, dict[str, dict]]:
    found: dict[str, dict[str, dict]] = {"assistant": {}, "agent_progress": {}, "subagent_file": {}}
    for key, rows in owned.items():
        found["subagent_file" if key in SUBAGENTS else "assistant"] |= responses(spoken(rows, "assistant"))
        found["agent_progress"] |= responses(spoken(progress_messages(rows), "assistant"))
    return found


def totals(messages: list[dict]) -> dict:
    """Token sums and cost in the shape of the expected numbers; no cost where no model has a price."""
    sums: Counter[str] = Counter()
    cost, priced = Decimal(0), 0
    for message in messages:
        usage = message["usage"]
        written = usage["cache_creation"]
        row = (
            usage["input_tokens"],
            usage["output_tokens"],
            written["ephemeral_5m_input_tokens"],
            written["ephemeral_1h_input_tokens"],
            usage["cache_read_input_tokens"],
        )
        sums.update(dict(zip(TOKENS, row, strict=True)))
        listed = FAST_PRICES if usage.get("speed") == "fast" else PRICES
        if message["model"] in listed:
            priced += 1
            prices = map(Decimal, listed[message["model"]])
            cost += sum(tokens * price for tokens, price in zip(row, prices, strict=True)) / 1_000_000
    shown = f"{cost:.8f}" if priced else None
    return {"responses": len(messages), **{name: sums[name] for name in TOKENS}, "cost_usd": shown}


def tool_calls(messages: list[dict]) -> dict[str, dict[str, int]]:
    calls: dict[str, dict[str, int]] = {}
    results = {r["tool_use_id"]: r for m in messages for r in blocks(m["message"], "tool_result")}
    for message in messages:
        for call in blocks(message["message"], "tool_use"):
            row = calls.setdefault(call["name"], {"calls": 0, "errors": 0, "rejected": 0})
            result = results.get(call["id"], {})
            failed = result.get("is_error", False)
            row["calls"] += 1
            row["errors"] += failed
            row["rejected"] += failed and "doesn't want to proceed" in result["content"]
    return calls
