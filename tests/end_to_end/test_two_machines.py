"""The sample, worked on at two machines: merged, each session stands in the marts once, as whole as the longer file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.merging.merge import merge_data
from ingest.paths import DataDir
from ingest.registry import register
from ingest.sample import write_sample
from ingest.sync import sync
from tests.warehouse import WITHOUT_TESTS, Warehouse

# What counts in each mart, whichever file it came from.
NUMBERS = {
    "sessions": "session_id, parent_session_id, project_id, messages, tool_calls, total_tokens",
    "messages": "session_id, message_uuid, role, record_index",
    "turns": "session_id, turn_index, prompt_uuid",
    "tool_calls": "session_id, tool_use_id, tool_name, is_error",
    "token_usage": "session_id, response_id, input_tokens, output_tokens, cost_usd",
    "commits": "commit_sha, linked_session_id",
    "episodes": "session_id, turn_index, reaction_type",
}


def cut_every_other(projects: Path, remainder: int) -> None:
    """Leave half of the lines of every second transcript."""
    for number, path in enumerate(sorted(projects.rglob("*.jsonl"))):
        if number % 2 == remainder:
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(lines[: len(lines) // 2]))


@pytest.mark.long
def test_two_machines_give_the_marts_of_one(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copy2(sample_warehouse.data / ".redaction_key", warehouse.data)
    here, there = DataDir(warehouse.data), DataDir(tmp_path / "there")
    source = write_sample(tmp_path / "source")
    for remainder, data in enumerate((here, there)):
        projects = tmp_path / f"machine-{remainder}" / "projects"
        shutil.copytree(source.projects, projects)
        cut_every_other(projects, remainder)
        register(data, name="Tidebook", project_id="tidebook", repository=source.repository, sessions=[projects])
        sync(data)
    shutil.rmtree(tmp_path / "machine-1")  # what the other machine reads is not here

    merged = merge_data(here, there.root).projects[0]
    assert (merged.problems, merged.sessions.versions, merged.sessions.new) == ([], 0, 0)
    assert merged.sessions.longer and merged.sessions.same
    outcome = sync(here).projects[0]
    assert outcome.archive and (outcome.archive.new, outcome.archive.rewritten, outcome.failures) == (0, 0, [])

    warehouse.build(*WITHOUT_TESTS)
    for mart, columns in NUMBERS.items():
        query = f"select {columns} from {mart} order by all"
        assert warehouse.query(query) == sample_warehouse.query(query), mart
