"""The bundled sample against `sample_expected.json`, whose numbers were counted by hand (its `how` entries say how)."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from ingest.sample import SamplePaths, write_sample
from tests.ingest.sample_counting import (
    EXPECTED,
    KEYS,
    KNOWN_TYPES,
    SUBAGENTS,
    blocks,
    by_provenance,
    is_human,
    owned_records,
    progress_messages,
    readable_records,
    responses,
    session_files,
    spoken,
    tool_calls,
    totals,
)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> SamplePaths:
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def records(paths: SamplePaths) -> dict[str, list[dict]]:
    """Session key -> records that can be read, bad bytes replaced."""
    return readable_records(paths)


@pytest.fixture(scope="module")
def owned(records: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """Session key -> its chained records, each uuid once and only under its owner."""
    return owned_records(records)


def test_sessions_and_lines(paths: SamplePaths, records: dict[str, list[dict]]) -> None:
    files = session_files(paths)
    expected = EXPECTED["lines"]
    raw = {key: path.read_bytes().splitlines() for key, path in files.items()}
    assert {key: len(lines) for key, lines in raw.items()} == {key: expected[key] for key in KEYS.values()}
    kept = (paths.session_directory / files["storm"].name).read_bytes().splitlines()
    assert (len(kept), kept) == (expected["kept"], raw["storm"][: len(kept)])
    assert sum(map(len, raw.values())) + len(kept) == expected["total"]
    assert sum(map(len, raw.values())) - sum(map(len, records.values())) == expected["malformed"]
    assert sum(not is_utf8(line) for lines in raw.values() for line in lines) == expected["not_utf8"]
    unknown = Counter(row["type"] for rows in records.values() for row in rows if row["type"] not in KNOWN_TYPES)
    assert unknown == expected["unknown_types"]
    assert len(files.keys() - SUBAGENTS) == EXPECTED["sessions"]["top_level"]
    assert len(files.keys() & SUBAGENTS) == EXPECTED["sessions"]["subagents"]


def test_files_that_break_off_are_empty_or_huge(paths: SamplePaths) -> None:
    files = session_files(paths)
    assert files["empty"].read_bytes() == b""
    tails = {key for key, path in files.items() if not path.read_bytes().endswith(b"\n")}
    assert tails == {"harbours", "empty"}
    with pytest.raises(json.JSONDecodeError):
        json.loads(files["harbours"].read_bytes().splitlines()[-1])
    large = {key: max(map(len, path.read_bytes().splitlines() or [b""])) for key, path in files.items()}
    assert {key for key, size in large.items() if size > 100_000} == {"chart"}
    assert 2_000_000 < large["chart"] < 2_200_000


def test_directories_of_the_sample(paths: SamplePaths) -> None:
    assert {path.name for path in paths.projects.iterdir()} == {
        "-home-sam-code-tidebook",
        "-home-sam-code-tidebook-storm",
        "C--Users-rosa-code-tidebook",
    }
    cwds = {
        row["cwd"] for row in map(json.loads, session_files(paths)["chart"].read_bytes().splitlines()) if "cwd" in row
    }
    assert cwds == {"C:\\Users\\rosa\\code\\tidebook", "c:\\Users\\rosa\\code\\tidebook"}


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_forks_share_uuids_and_later_ones_say_so(records: dict[str, list[dict]]) -> None:
    uuids = {key: {row["uuid"] for row in rows if "uuid" in row} for key, rows in records.items()}
    pairs = (("next", "feet"), ("feet", "json"), ("ask", "again"))
    shared = {f"{one} -> {other}": uuids[one] & uuids[other] for one, other in pairs}
    assert {name: len(both) for name, both in shared.items()} == EXPECTED["sessions"]["forks"]
    assert {row["uuid"] for row in records["json"] if "forkedFrom" in row} == shared["feet -> json"]
    assert uuids["ask"] == uuids["again"]
    assert not [row for key in ("feet", "ask", "again") for row in records[key] if "forkedFrom" in row]
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
    for model in expected["by_model"]:
        mine = [message for message in everything if message["model"] == model]
        assert totals(mine) == expected["by_model"][model], model
    assert totals(everything)["cost_usd"] == expected["cost_usd"]


def test_a_response_over_midnight_counts_once_on_the_day_of_its_last_line(
    records: dict[str, list[dict]], owned: dict[str, list[dict]]
) -> None:
    night = [row for row in spoken(records["harbours"], "assistant") if row["timestamp"] > "2026-01-10T23:59:50"][:2]
    assert [row["timestamp"][:10] for row in night] == ["2026-01-10", "2026-01-11"]
    assert len({row["message"]["id"] for row in night}) == 1
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for message in responses(spoken(owned["harbours"] + owned["flat"], "assistant")).values():
        counted = {"responses": 1, "output_tokens": message["usage"]["output_tokens"]}
        days[message["sent_at"][:10]].update(counted)
    assert days == EXPECTED["token_usage"]["midnight"]


def test_output_tokens_grow_until_the_last_line(records: dict[str, list[dict]]) -> None:
    lines: dict[str, list[int]] = defaultdict(list)
    for row in spoken(records["next"], "assistant"):
        lines[row["message"]["id"]].append(row["message"]["usage"]["output_tokens"])
    several = [outputs for outputs in lines.values() if len(outputs) > 1]
    assert len(several) == 5
    assert all(outputs == sorted(outputs) and outputs[0] < outputs[-1] for outputs in several)


def test_tool_calls(owned: dict[str, list[dict]]) -> None:
    expected = EXPECTED["tool_calls"]
    top = [row for key in KEYS.values() if key not in SUBAGENTS for row in owned[key]]
    talk = [row for row in top if row["type"] in ("user", "assistant")]
    assert tool_calls(talk) == expected["transcripts"]
    assert tool_calls(progress_messages(top)) == expected["agent_progress"]
    assert tool_calls([row for key in SUBAGENTS for row in owned[key]]) == expected["subagent_file"]


def test_every_parent_is_known_and_time_runs_back_where_results_are_stamped_early(
    records: dict[str, list[dict]],
) -> None:
    back: dict[str, list[str]] = {}
    for key, rows in records.items():
        chained = {row["uuid"]: row for row in rows if "uuid" in row}
        assert all(row["parentUuid"] in chained for row in chained.values() if row["parentUuid"])
        pairs = pairwise(chained.values())
        if early := [later["type"] for earlier, later in pairs if later["timestamp"] < earlier["timestamp"]]:
            back[key] = early
    assert back == {"storm": ["user", "user"]}


def test_an_old_subagent_hangs_on_its_parent_by_its_records(owned: dict[str, list[dict]]) -> None:
    ids = EXPECTED["sessions"]["ids"]
    assert {(row["isSidechain"], row["sessionId"]) for row in owned["flat"]} == {(True, ids["harbours"])}
    results = [row["toolUseResult"] for row in spoken(owned["harbours"], "user") if "toolUseResult" in row]
    assert f"{ids['harbours']}/agent-{results[0]['agentId']}" == ids["flat"]


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
