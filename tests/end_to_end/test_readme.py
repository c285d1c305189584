"""Every query of the README runs on the sample and prints what the README shows, to the letter."""

from __future__ import annotations

import re

import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.shown import SUMMARY, answer, queries

README = (PRODUCT_ROOT / "README.md").read_text(encoding="utf-8")
QUERIES = queries(README)


def test_the_readme_has_queries() -> None:
    assert len(QUERIES) == README.count("```sql") >= 3


@pytest.mark.parametrize(("sql", "shown"), QUERIES)
def test_query(sample_warehouse: Warehouse, sql: str, shown: str) -> None:
    assert answer(sample_warehouse.database, sql) == shown


def test_summary(sample_warehouse: Warehouse) -> None:
    shown = SUMMARY.search(README)
    assert shown
    printed = sample_warehouse.ingest("summary")
    assert of_the_data(printed) == of_the_data(shown["shown"])


def of_the_data(summary: str) -> list[str]:
    """The lines about the data: not the directory's name, nor what dbt did, whose results lie elsewhere here."""
    of_dbt = re.compile(r"(models|seeds|tests|unit tests|warning|last dbt)\b|→")
    return [line for line in summary.splitlines()[1:] if not of_dbt.match(line)]
