"""Kinds of action against calls that a person labelled: `tests/fixtures/action_labels.csv`.

Two samples of real calls, each 200 drawn by stratum (kind of action as the rules then saw it), in the order of a hash;
names, texts and paths are replaced by placeholders. Sample `first` taught the rules something, `second` was drawn and
labelled after that.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.end_to_end.odd_records import assistant, call, user
from tests.warehouse import WITHOUT_TESTS, Warehouse

pytestmark = pytest.mark.slow

LABELS = Path(__file__).parents[1] / "fixtures" / "action_labels.csv"
PRECISION = 0.95


@pytest.fixture(scope="module")
def labels() -> list[dict[str, str]]:
    """Labelled calls: sample, tool, command or file_path, action_id."""
    with LABELS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def found(labels: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the models say of each labelled call."""
    directory = tmp_path_factory.mktemp("labels")
    lines = [user("go")]
    for number, label in enumerate(labels):
        arguments = {key: label[key] for key in ("command", "file_path") if label[key]}
        lines.append(assistant([call(f"call-{number}", label["tool"], arguments)]))
    session = directory / "projects/-home-sam-code-labels/labels.jsonl"
    session.parent.mkdir(parents=True)
    session.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    warehouse = Warehouse.make(directory)
    warehouse.ingest("add-project", "--name", "Labels", "--sessions", str(directory / "projects"))
    warehouse.ingest("sync")
    warehouse.build("--select", "+int_tool_calls__actions", *WITHOUT_TESTS)
    rows = warehouse.query(
        "select uses.tool_use_id, actions.action_id from intermediate.int_tool_calls__actions as actions "
        "inner join staging.stg_claude_code__tool_uses as uses using (file_id, line_number, block_index)"
    )
    by_id = dict(rows)
    assert len(rows) == len(labels)
    return [by_id[f"call-{number}"] for number in range(len(labels))]


@pytest.mark.parametrize("sample", ["first", "second"])
def test_precision(sample: str, labels: list[dict[str, str]], found: list[str]) -> None:
    pairs = [(label, action) for label, action in zip(labels, found, strict=True) if label["sample"] == sample]
    misses = [(label, action) for label, action in pairs if label["action_id"] != action]
    for label, action in misses:
        print(f"{action}, not {label['action_id']}: {label['tool']} {label['command'] or label['file_path']}")
    assert len(pairs) == 200
    assert 1 - len(misses) / len(pairs) >= PRECISION


def test_every_kind_that_was_drawn_is_found(labels: list[dict[str, str]], found: list[str]) -> None:
    assert {label["action_id"] for label in labels} <= set(found)
