"""Every query of the README runs on the sample and prints what the README shows, to the letter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse

README = (PRODUCT_ROOT / "README.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


def test_the_readme_has_queries() -> None:
    assert len(QUERIES) == README.count("```sql") >= 3


@pytest.mark.parametrize(("sql", "shown"), QUERIES)
def test_query(sample_warehouse: Warehouse, sql: str, shown: str) -> None:
    shell = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [str(shell), "-readonly", str(sample_warehouse.database), "-c", sql], capture_output=True, text=True, check=True
    )
    assert done.stdout == shown


def test_summary(sample_warehouse: Warehouse) -> None:
    shown = re.search(r"<!-- output: summary -->\n```text\n(.*?)```", README, re.DOTALL)
    assert shown
    printed = sample_warehouse.ingest("summary")
    assert of_the_data(printed) == of_the_data(shown[1])


def of_the_data(summary: str) -> list[str]:
    """The lines about the data: not the directory's name, nor what dbt did, whose results lie elsewhere here."""
    of_dbt = re.compile(r"(models|seeds|tests|unit tests|warning|last dbt)\b|→")
    return [line for line in summary.splitlines()[1:] if not of_dbt.match(line)]
