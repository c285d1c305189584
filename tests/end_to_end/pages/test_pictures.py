"""Every picture of docs/ was drawn from the query above it and from the output that the page shows, or from figures."""

from __future__ import annotations

import pytest

from ingest.paths import PRODUCT_ROOT
from tools.pages.pictures import Picture, pictures

IMAGES = PRODUCT_ROOT / "docs/images"
PAGES = [page.read_text(encoding="utf-8") for page in sorted((PRODUCT_ROOT / "docs").glob("*.md"))]
PICTURES = [picture for page in PAGES for picture in pictures(page)]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_picture_is_of_this_query_and_output(picture: Picture) -> None:
    assert picture.mark in (IMAGES / f"{picture.name}.svg").read_text(encoding="utf-8"), "draw it anew: make plots"


def test_no_picture_is_left_over() -> None:
    assert {path.stem for path in IMAGES.glob("*.svg")} == {picture.name for picture in PICTURES}
