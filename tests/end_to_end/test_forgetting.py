"""A session is forgotten in a real warehouse: its words are nowhere, and the marts never knew it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ingest.forgetting.elsewhere import still_named
from ingest.forgetting.forget import forget
from ingest.forgetting.plan import plan_forgetting
from ingest.forgetting.targets import find_target
from ingest.paths import DataDir
from ingest.publishing.publish import publish
from ingest.sync import sync
from tests.forgetting.forget_place import found_in
from tests.warehouse import WITHOUT_TESTS, Warehouse

GONE = "00000000-1111-4222-8333-444455556666"
WORD = "quillwort"


def planted(transcript: Path) -> bytes:
    """The records of another session under the id GONE, behind an earlier one of its own: it owns what both have.

    Its own records hold the word in a prompt, a command, an edited file, a result, and a line that is no JSON.
    """
    records = [json.loads(line) for line in transcript.read_bytes().splitlines() if line.startswith(b"{")]
    first = next(record for record in records if record.get("type") == "user" and record.get("timestamp"))
    asked = {**first, "uuid": "p1", "parentUuid": None, "sessionId": GONE, "timestamp": "2020-01-01T10:00:00.000Z"}
    asked["message"] = {"role": "user", "content": f"Rename the {WORD} in {WORD}.py"}
    use = {"type": "tool_use", "id": "toolu_p1", "name": "Edit"}
    use["input"] = {"file_path": f"/home/{WORD}.py", "old_string": f"{WORD} = 1", "new_string": f"{WORD} = 2"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    said = {**asked, "type": "assistant", "uuid": "p2", "parentUuid": "p1", "timestamp": "2020-01-01T10:00:01.000Z"}
    said["message"] = {"id": "m1", "role": "assistant", "model": "claude-opus-4-6", "content": [use], "usage": usage}
    result = {"type": "tool_result", "tool_use_id": "toolu_p1", "content": f"{WORD} not found", "is_error": True}
    answered = {**asked, "uuid": "p3", "parentUuid": "p2", "timestamp": "2020-01-01T10:00:02.000Z"}
    answered["message"] = {"role": "user", "content": [result]}
    strange = {**asked, "type": WORD, "uuid": "p4", "parentUuid": "p3", "timestamp": "2020-01-01T10:00:03.000Z"}
    own = [asked, said, answered, strange]
    copies = [record | ({"sessionId": GONE} if "sessionId" in record else {}) for record in records]
    lines = [json.dumps(record).encode() for record in (*own, *copies)]
    return b"\n".join([*lines, f"no json, {WORD}".encode(), b""])


def moved(warehouse: Warehouse, source: Path) -> None:
    """Have the sample's sessions below `source`, which may be changed."""
    registry = json.loads((warehouse.data / "projects.json").read_text())
    [project] = registry["projects"]
    [directory] = project["session_directories"]
    shutil.copytree(directory, source / "projects")
    project["session_directories"] = [str(source / "projects")]
    (warehouse.data / "projects.json").write_text(json.dumps(registry))


@pytest.mark.long
def test_the_marts_are_those_without_it(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    moved(warehouse, tmp_path / "source")
    data = DataDir(warehouse.data)
    [(owned,)] = warehouse.query(
        "select root_session_id from sessions where not is_subagent and linked_commits > 0 order by lines desc limit 1"
    )
    [transcript] = (tmp_path / "source").rglob(f"{owned}.jsonl")
    transcript.with_name(f"{GONE}.jsonl").write_bytes(planted(transcript))
    sync(data)
    warehouse.build()
    publish(data)
    shared = f"select count(*) from intermediate.int_records__owners where owner_root_session_id = '{GONE}'"
    assert warehouse.query(shared) != [(0,)]
    assert {"ope.db", "marts.db"} <= set(found_in(data, [WORD])) and "ope.db" in found_in(data, [GONE])

    target = find_target(data, GONE)
    forget(data, target, plan_forgetting(data, target).counts)
    assert found_in(data, [WORD, GONE]) == [] and still_named(data, GONE) == {}
    sync(data)
    warehouse.build(*WITHOUT_TESTS)
    assert found_in(data, [WORD, GONE]) == []
    ours, theirs = warehouse.contents(), sample_warehouse.contents()
    assert [name for name in theirs if ours.get(name) != theirs[name]] == [] and ours.keys() == theirs.keys()
