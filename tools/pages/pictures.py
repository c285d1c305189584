"""The pictures of the pages: which query or which figures each was drawn from."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ingest.paths import PRODUCT_ROOT

FIGURES = PRODUCT_ROOT / "docs" / "figures"
QUERY = re.compile(r"```sql\n(?P<sql>.*?)```\n\n```text\n(?P<shown>.*?)```", re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\(images/(?P<name>[a-z-]+)\.svg\)")


@dataclass(frozen=True)
class Picture:
    """A picture of a document, and what it is drawn from: the query above it with its output, or figures (no query)."""

    name: str
    sql: str
    shown: str

    @property
    def mark(self) -> str:
        """Stands in the picture's file, so that a picture of other data or of another query can be told."""
        return "drawn from " + hashlib.sha256((self.sql + self.shown).encode()).hexdigest()[:16]


def pictures(document: str, figures: Path = FIGURES) -> list[Picture]:
    """The pictures of a document; each belongs to its file of figures, or to the last query above it."""
    blocks = list(QUERY.finditer(document))
    found = []
    for picture in PICTURE.finditer(document):
        file = figures / f"{picture['name']}.csv"
        if file.exists():
            found.append(Picture(picture["name"], "", file.read_text(encoding="utf-8")))
            continue
        block = [block for block in blocks if block.end() <= picture.start()][-1]
        found.append(Picture(picture["name"], block["sql"], block["shown"]))
    return found
