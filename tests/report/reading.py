"""Reads a report as a program: its texts by element, its tables by caption, its SQL by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

# Elements that have no end; those of SVG are written with one.
VOID = {"meta", "link", "br", "hr", "img", "input"}


@dataclass
class Page:
    """`figures`: the numbers on top by their names. `tables`: rows of cells by caption. `sql`: queries by name."""

    path: Path
    text: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    sql: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)

    def names(self) -> set[str]:
        return {name for name, _ in self.elements}


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.term = self.caption = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.page.elements.append((tag, dict(attributes)))
        if tag in VOID:
            return
        self.open.append((tag, dict(attributes), []))
        if tag == "tr" and self.caption:
            self.page.tables[self.caption].append([])

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.page.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        for _, _, texts in self.open:
            texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            self.page.wrong.append(f"</{tag}> at {self.getpos()} ends {self.open[-1][0] if self.open else 'nothing'}")
            return
        _, attributes, texts = self.open.pop()
        whole = "".join(texts)
        text = " ".join(whole.split())
        if tag == "dt":
            self.term = text
        elif tag == "dd":
            self.page.figures.setdefault(self.term, text)
        elif tag == "caption":
            self.caption = " ".join(texts[0].split())  # what follows is a note
            self.page.tables[self.caption] = []
        elif tag in ("td", "th") and self.caption:
            self.page.tables[self.caption][-1].append(text)
        elif tag == "table":
            self.caption = ""
        elif tag == "pre":
            self.page.sql[str(attributes["id"]).removeprefix("sql-")] = whole
        elif tag == "p" and attributes.get("class") == "empty":
            self.page.empty.append(text)


def read_page(path: Path) -> Page:
    """Everything that tests ask of a report."""
    page = Page(path, path.read_text(encoding="utf-8"))
    reader = _Reader(page)
    reader.feed(page.text)
    reader.close()
    page.wrong += [f"<{tag}> has no end" for tag, _, _ in reader.open]
    return page
