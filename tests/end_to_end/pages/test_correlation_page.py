"""docs/correlation.md: its headline is that of docs/figures; it names every kind of evidence."""

from __future__ import annotations

import csv

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.pages.pictures import FIGURES, pictures

PAGE = (PRODUCT_ROOT / "docs/correlation.md").read_text(encoding="utf-8")


def test_the_pictures_are_of_figures() -> None:
    assert [picture.sql for picture in pictures(PAGE)] == ["", ""]


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
