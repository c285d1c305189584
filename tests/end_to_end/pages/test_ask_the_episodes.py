"""docs/ask-the-episodes.md: ten questions, an export, a trap that is one. Its queries run in test_blocks.py."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.pages.blocks import page_blocks
from tools.pages.running import run_page
from tools.pages.world import World

PATH = PRODUCT_ROOT / "docs/ask-the-episodes.md"
PAGE = PATH.read_text(encoding="utf-8")


def test_the_page_asks_ten_questions() -> None:
    questions = re.findall(r"^## (\d+)\. .*\?$", PAGE, re.MULTILINE)
    assert questions == [str(number) for number in range(1, 11)]


def test_the_export_holds_the_complete_episodes_before_the_date(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    export = [block for block in page_blocks(PATH) if block.text.startswith("copy")]
    assert [result.problem for result in run_page(export, World(tmp_path, sample_warehouse.database)).values()] == [""]
    complete = sample_warehouse.query("select count(*) from episodes where is_complete")[0][0]
    early = sample_warehouse.query("select count(*) from episodes where is_complete and timestamp < '2026-06-01'")[0][0]
    exported = sample_warehouse.query(f"select count(*) from '{tmp_path}/episodes.parquet'")[0][0]
    assert 0 < exported == early < complete


def test_the_trap_is_one(sample_warehouse: Warehouse) -> None:
    with pytest.raises(duckdb.Error, match="Malformed JSON"):
        sample_warehouse.query("from episodes where json_extract(claude_action, '$.tool') = 'Bash'")
