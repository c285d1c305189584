"""The sample in several nights, also with partial builds between, equals the sample in one night."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from ingest.sample import write_sample
from tests.end_to_end.conftest import register_sample
from tests.warehouse import WITHOUT_TESTS, Warehouse

NIGHTS = 3


def cut(content: bytes, nights: int, chance: random.Random) -> list[bytes]:
    """`content` at the end of each night: cut at random bytes, whole in the last."""
    sizes = sorted(chance.randrange(len(content) + 1) for _ in range(nights - 1))
    return [content[:size] for size in sizes] + [content]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_nights_equal_one(sample_warehouse: Warehouse, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    source = write_sample(tmp_path / "source")
    transcripts = sorted(source.projects.rglob("*.jsonl"))
    versions = {path: cut(path.read_bytes(), NIGHTS, chance) for path in transcripts}
    late = chance.choice(transcripts)
    warehouse = Warehouse.make(tmp_path)
    shutil.copy2(sample_warehouse.data / ".redaction_key", warehouse.data)
    rules = warehouse.project / "seeds/taxonomy/message_kind_rules.csv"
    reviewed = rules.read_text(encoding="utf-8")

    for night in range(NIGHTS):
        for path in transcripts:
            if path == late and night < NIGHTS - 1:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(versions[path][night])
        if night == 0:
            register_sample(warehouse, source.projects, source.repository)
        warehouse.ingest("sync")
        if night == 1:
            # a night on which only a part was selected, with other rules: the next build has to catch up
            rules.write_text(reviewed.replace("human_prompt,true", "prompt,true"), encoding="utf-8")
            part = ("resource_type:seed", "int_sessions__states", "int_messages__typed", "sessions")
            warehouse.build(*WITHOUT_TESTS, "--select", *part)
            rules.write_text(reviewed, encoding="utf-8")
        else:
            # the data tests run on the last night
            warehouse.build(*(() if night == NIGHTS - 1 else WITHOUT_TESTS))

    assert warehouse.contents() == sample_warehouse.contents()


def test_a_vanished_project_leaves_every_mart(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    warehouse.ingest("remove-project", "tidebook", "--yes")
    warehouse.build()
    tables = ("sessions", "turns", "messages", "tool_calls", "token_usage", "file_touches", "episodes", "commits")
    tables += ("commit_files", "audit.ledger")
    counts = warehouse.query(f"select {' + '.join(f'(select count(*) from {table})' for table in tables)}")
    assert counts == [(0,)]


def test_a_rebuilt_database_has_the_same_marts(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    warehouse.database.unlink()
    warehouse.ingest("sync")
    warehouse.build()
    assert warehouse.contents() == sample_warehouse.contents()


def test_an_empty_warehouse_builds(tmp_path: Path) -> None:
    warehouse = Warehouse.make(tmp_path)
    warehouse.build()
    assert warehouse.query("select count(*) from sessions") == [(0,)]
