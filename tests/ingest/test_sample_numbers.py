"""The bundled sample against `sample_expected.json`, whose numbers were counted by hand (its `how` entries say how).

The counting here is small and independent of the product: plain dictionaries, the rules of the design's section 6.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.sample import SamplePaths, write_sample

EXPECTED = json.loads((Path(__file__).parent / "sample_expected.json").read_text(encoding="utf-8"))
KEYS = {session_id: key for key, session_id in EXPECTED["sessions"]["ids"].items()}
TOKENS = ("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens")
PRICES = {  # dollars per million tokens, in the order of TOKENS
    "claude-opus-4-5-20251101": ("5", "25", "6.25", "10", "0.50"),
    "claude-sonnet-4-5-20250929": ("3", "15", "3.75", "6", "0.30"),
    "claude-opus-4-6": ("5", "25", "6.25", "10", "0.50"),
    "claude-sonnet-4-6": ("3", "15", "3.75", "6", "0.30"),
}
KNOWN_TYPES = {
    *("ai-title", "assistant", "attachment", "custom-title", "file-history-snapshot", "last-prompt", "mode"),
    *("permission-mode", "pr-link", "progress", "queue-operation", "summary", "system", "user"),
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> SamplePaths:
    return write_sample(tmp_path_factory.mktemp("sample"))


def session_files(paths: SamplePaths) -> dict[str, Path]:
    """Session key -> transcript, by the session identity of the design: the stem, or parent/stem for a subagent."""
    found = {}
    for path in sorted(paths.session_directory.rglob("*.jsonl")):
        below = path.relative_to(paths.session_directory).parts
        found[KEYS[f"{below[0]}/{path.stem}" if len(below) > 1 else path.stem]] = path
    return found


@pytest.fixture(scope="module")
def records(paths: SamplePaths) -> dict[str, list[dict]]:
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


@pytest.fixture(scope="module")
def owned(records: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """Session key -> its chained records, each uuid once and only under its owner."""
    holders: dict[str, dict[str, dict]] = defaultdict(dict)
    for key, rows in records.items():
        for row in rows:
            if "uuid" in row:
                holders[row["uuid"]].setdefault(key, row)
    first_own: dict[str, str] = {}
    for key, rows in records.items():
        own = [row["timestamp"] for row in rows if "uuid" in row and len(holders[row["uuid"]]) == 1]
        first_own[key] = min(own)
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
    return {m["message"]["id"]: m["message"] for m in messages if m["message"]["model"] != "<synthetic>"}


def by_provenance(owned: dict[str, list[dict]]) -> dict[str, dict[str, dict]]:
    found: dict[str, dict[str, dict]] = {"assistant": {}, "agent_progress": {}, "subagent_file": {}}
    for key, rows in owned.items():
        found["subagent_file" if key == "agent" else "assistant"] |= responses(spoken(rows, "assistant"))
        found["agent_progress"] |= responses(spoken(progress_messages(rows), "assistant"))
    return found


def totals(messages: list[dict]) -> dict:
    """Token sums and cost in the shape of the expected numbers."""
    sums: Counter[str] = Counter()
    cost = Decimal(0)
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
        prices = map(Decimal, PRICES[message["model"]])
        cost += sum(tokens * price for tokens, price in zip(row, prices, strict=True)) / 1_000_000
    return {"responses": len(messages), **{name: sums[name] for name in TOKENS}, "cost_usd": f"{cost:.8f}"}


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


def test_sessions_and_lines(paths: SamplePaths, records: dict[str, list[dict]]) -> None:
    files = session_files(paths)
    expected = EXPECTED["lines"]
    raw = {key: path.read_bytes().splitlines() for key, path in files.items()}
    assert {key: len(lines) for key, lines in raw.items()} == {key: expected[key] for key in KEYS.values()}
    assert sum(map(len, raw.values())) == expected["total"]
    assert sum(map(len, raw.values())) - sum(map(len, records.values())) == expected["malformed"]
    assert sum(not is_utf8(line) for lines in raw.values() for line in lines) == expected["not_utf8"]
    unknown = Counter(row["type"] for rows in records.values() for row in rows if row["type"] not in KNOWN_TYPES)
    assert unknown == expected["unknown_types"]
    assert sum(key != "agent" for key in files) == EXPECTED["sessions"]["top_level"]
    assert sum(key == "agent" for key in files) == EXPECTED["sessions"]["subagents"]


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_forks_share_uuids_and_later_ones_say_so(records: dict[str, list[dict]]) -> None:
    uuids = {key: {row["uuid"] for row in rows if "uuid" in row} for key, rows in records.items()}
    shared = {"next -> feet": uuids["next"] & uuids["feet"], "feet -> json": uuids["feet"] & uuids["json"]}
    assert {name: len(both) for name, both in shared.items()} == EXPECTED["sessions"]["forks"]
    assert {row["uuid"] for row in records["json"] if "forkedFrom" in row} == shared["feet -> json"]
    assert not [row for row in records["feet"] if "forkedFrom" in row]
    copies = [row for row in records["json"] if row["type"] == "assistant" and "forkedFrom" in row]
    assert sum("requestId" not in row for row in copies) == 1


def test_messages(owned: dict[str, list[dict]]) -> None:
    expected = EXPECTED["messages"]
    rows = [row for mine in owned.values() for row in mine]
    assert len(spoken(rows, "user")) == expected["user"]
    assert len(spoken(rows, "assistant")) == expected["assistant"]
    assert sum(row["message"]["model"] == "<synthetic>" for row in spoken(rows, "assistant")) == expected["synthetic"]
    assert sum(is_human(row) for row in spoken(rows, "user")) == expected["human_prompts"]
    queued = [row for row in rows if row.get("attachment", {}).get("type") == "queued_command"]
    assert len(queued) == expected["queued_prompts"]
    assert Counter(message["type"] for message in progress_messages(rows)) == expected["agent_progress"]


@pytest.mark.parametrize("key", KEYS.values())
def test_what_each_session_owns(key: str, owned: dict[str, list[dict]]) -> None:
    rows = owned[key]
    answers = spoken(rows, "assistant")
    assert {
        "user": len(spoken(rows, "user")),
        "assistant": len(answers),
        "api_responses": len(responses(answers)),
        "tool_calls": sum(len(blocks(row["message"], "tool_use")) for row in answers),
        "human_prompts": sum(is_human(row) for row in spoken(rows, "user")),
    } == EXPECTED["by_session"][key]


def test_tokens_and_cost(owned: dict[str, list[dict]]) -> None:
    expected = EXPECTED["token_usage"]
    found = by_provenance(owned)
    for provenance, messages in found.items():
        assert totals(list(messages.values())) == expected["by_provenance"][provenance], provenance
    everything = [message for messages in found.values() for message in messages.values()]
    for model in PRICES:
        mine = [message for message in everything if message["model"] == model]
        assert totals(mine) == expected["by_model"][model], model
    assert totals(everything)["cost_usd"] == expected["cost_usd"]


def test_output_tokens_grow_until_the_last_line(records: dict[str, list[dict]]) -> None:
    lines: dict[str, list[int]] = defaultdict(list)
    for row in spoken(records["next"], "assistant"):
        lines[row["message"]["id"]].append(row["message"]["usage"]["output_tokens"])
    several = [outputs for outputs in lines.values() if len(outputs) > 1]
    assert len(several) == 5
    assert all(outputs == sorted(outputs) and outputs[0] < outputs[-1] for outputs in several)


def test_tool_calls(owned: dict[str, list[dict]]) -> None:
    expected = EXPECTED["tool_calls"]
    top = [row for key in KEYS.values() if key != "agent" for row in owned[key]]
    talk = [row for row in top if row["type"] in ("user", "assistant")]
    assert tool_calls(talk) == expected["transcripts"]
    assert tool_calls(progress_messages(top)) == expected["agent_progress"]
    assert tool_calls(owned["agent"]) == expected["subagent_file"]


def test_every_parent_is_known_and_time_does_not_run_back(records: dict[str, list[dict]]) -> None:
    for key, rows in records.items():
        chained = {row["uuid"]: row for row in rows if "uuid" in row}
        assert all(row["parentUuid"] in chained for row in chained.values() if row["parentUuid"])
        times = [row["timestamp"] for row in chained.values()]
        assert times == sorted(times), key


def test_the_subagent_hangs_on_its_call(paths: SamplePaths, owned: dict[str, list[dict]]) -> None:
    meta = json.loads(next(paths.session_directory.rglob("*.meta.json")).read_text(encoding="utf-8"))
    calls = [block for row in spoken(owned["json"], "assistant") for block in blocks(row["message"], "tool_use")]
    assert [call["name"] for call in calls if call["id"] == meta["toolUseId"]] == ["Agent"]
    assert {(row["isSidechain"], row["sessionId"]) for row in owned["agent"]} == {
        (True, EXPECTED["sessions"]["ids"]["json"])
    }


def git(paths: SamplePaths, *arguments: str) -> str:
    command = ["git", "-C", str(paths.repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_commits_of_sessions_are_announced_with_their_true_hash(
    paths: SamplePaths, owned: dict[str, list[dict]]
) -> None:
    hashes = dict(line.split(" ", 1)[::-1] for line in git(paths, "log", "--all", "--format=%H %s").splitlines())
    announced = {}
    for key, rows in owned.items():
        for row in spoken(rows, "user"):
            for result in blocks(row["message"], "tool_result"):
                first = str(result["content"]).split("\n")[0]
                for subject, sha in hashes.items():
                    if first.endswith(f" {sha[:7]}] {subject}"):
                        announced[subject] = key
    assert announced == EXPECTED["git"]["in_sessions"]


def test_what_sessions_write_is_what_their_commits_add(paths: SamplePaths, owned: dict[str, list[dict]]) -> None:
    for subject, key in EXPECTED["git"]["in_sessions"].items():
        calls = [block for row in spoken(owned[key], "assistant") for block in blocks(row["message"], "tool_use")]
        written = "\n".join(call["input"].get("new_string", call["input"].get("content", "")) for call in calls)
        sha = git(paths, "log", "--all", "--format=%H", "--fixed-strings", f"--grep={subject}").split()[0]
        diff = git(paths, "show", "-M", "--format=", "--unified=0", sha).splitlines()
        added = {line[1:].strip() for line in diff if line.startswith("+") and not line.startswith("+++")}
        assert added and added <= {line.strip() for line in written.split("\n")}, subject
