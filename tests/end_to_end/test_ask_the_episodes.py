"""Every query of docs/ask-the-episodes.md runs on the sample and prints what the page shows, to the letter; every
picture was drawn from the query above it and from that output."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.shown import answer, pictures, queries

PAGE = (PRODUCT_ROOT / "docs/ask-the-episodes.md").read_text(encoding="utf-8")
IMAGES = PRODUCT_ROOT / "docs/images"
QUERIES = queries(PAGE)
EXPORTS = [sql for sql in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) if sql.startswith("copy")]


def test_the_page_asks_ten_questions() -> None:
    questions = re.findall(r"^## (\d+)\. .*\?$", PAGE, re.MULTILINE)
    assert questions == [str(number) for number in range(1, 11)]
    assert len(QUERIES) + len(EXPORTS) == PAGE.count("```sql")


@pytest.mark.parametrize(("sql", "shown"), QUERIES)
def test_query(sample_warehouse: Warehouse, sql: str, shown: str) -> None:
    assert answer(sample_warehouse.database, sql) == shown


def test_the_export_holds_the_complete_episodes_before_the_date(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    [export] = EXPORTS
    answer(sample_warehouse.database, export, tmp_path)
    complete = sample_warehouse.query("select count(*) from episodes where is_complete")[0][0]
    early = sample_warehouse.query("select count(*) from episodes where is_complete and timestamp < '2026-06-01'")[0][0]
    exported = sample_warehouse.query(f"select count(*) from '{tmp_path}/episodes.parquet'")[0][0]
    assert 0 < exported == early < complete


def test_the_trap_is_one(sample_warehouse: Warehouse) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        answer(sample_warehouse.database, "from episodes where json_extract(claude_action, '$.tool') = 'Bash'")
    assert "Malformed JSON" in error.value.stderr


@pytest.mark.parametrize("picture", pictures(PAGE), ids=lambda picture: picture.name)
def test_picture_is_of_this_query_and_output(picture) -> None:
    assert picture.mark in (IMAGES / f"{picture.name}.svg").read_text(encoding="utf-8"), "draw it anew: make plots"


def test_no_picture_is_left_over() -> None:
    pages = [path.read_text(encoding="utf-8") for path in (PRODUCT_ROOT / "docs").glob("*.md")]
    assert {path.stem for path in IMAGES.glob("*.svg")} == {
        picture.name for page in pages for picture in pictures(page)
    }
