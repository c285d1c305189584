"""Every query of docs/correlation.md runs on the sample and prints what the page shows; its pictures and its headline
are those of docs/figures; it names every kind of evidence."""

from __future__ import annotations

import csv

import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.shown import FIGURES, answer, pictures, queries

PAGE = (PRODUCT_ROOT / "docs/correlation.md").read_text(encoding="utf-8")
IMAGES = PRODUCT_ROOT / "docs/images"
QUERIES = queries(PAGE)


def test_every_query_shows_its_output() -> None:
    assert len(QUERIES) == PAGE.count("```sql") >= 3


@pytest.mark.parametrize(("sql", "shown"), QUERIES)
def test_query(sample_warehouse: Warehouse, sql: str, shown: str) -> None:
    assert answer(sample_warehouse.database, sql) == shown


@pytest.mark.parametrize("picture", pictures(PAGE), ids=lambda picture: picture.name)
def test_picture_is_of_these_figures(picture) -> None:
    assert picture.sql == ""
    assert picture.mark in (IMAGES / f"{picture.name}.svg").read_text(encoding="utf-8"), "draw it anew: make plots"


def test_the_headline_is_the_point_of_the_curve_that_is_accepted(sample_warehouse: Warehouse) -> None:
    [[accepted]] = sample_warehouse.query("select from_confidence from correlation_quality where cut = 'accepted'")
    with (FIGURES / "link-precision-and-recall.csv").open(encoding="utf-8") as file:
        [point] = [row for row in csv.DictReader(file) if float(row["confidence"]) == float(accepted)]
    for name in ("precision", "recall", "pair_precision"):
        assert f"| {float(point[name]):.3f} (" in PAGE, f"{name} is {point[name]}: make evaluate, then change the page"


def test_the_page_names_every_kind_of_evidence() -> None:
    with (PRODUCT_ROOT / "seeds/correlation/evidence_kinds.csv").open(encoding="utf-8") as file:
        kinds = [row["evidence_kind"] for row in csv.DictReader(file)]
    assert [kind for kind in kinds if f"| `{kind}` |" not in PAGE] == []
