"""Draws Vega-Lite specifications as SVG that takes its colours from the page (`var(--…)`): light, dark and print alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ingest.errors import IngestError

Spec = dict[str, Any]

# Widths of a column of the page, in pixels: on a screen or on paper, and on a phone.
WIDE, HALF, NARROW = 880, 424, 320

CONFIG: Spec = {
    "background": None,
    "padding": 0,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "grid": False,
        "labelColor": "var(--muted)",
        "labelFontSize": 11,
        "labelPadding": 6,
        "tickColor": "var(--rule)",
        "title": None,
    },
    "axisX": {"domain": True, "domainColor": "var(--rule)", "tickSize": 4, "labelPadding": 3},
    "axisY": {"ticks": False, "grid": True, "gridColor": "var(--grid)", "tickCount": 3},
    "title": {
        "anchor": "start",
        "color": "var(--ink)",
        "fontSize": 12,
        "fontWeight": 600,
        "offset": 6,
        "frame": "group",
        "dx": -40,
    },
    "text": {"color": "var(--muted)", "fontSize": 11},
    "legend": {"disable": True},
}

_DECIMALS = re.compile(r"(\.\d\d)\d+")
_NUMBERS = re.compile(r' (?:d|transform|x2|y2)="[^"]*"')
_LABELLED = re.compile(
    r'<(path|line|rect) aria-label="([^"]*)" role="graphics-symbol"( aria-roledescription="[^"]*")?([^>]*?)/>'
)
_FONT = re.compile(r' font-family="[^"]*"')
_AXIS_LABEL = re.compile(r' role="graphics-symbol" aria-roledescription="(?:axis|title)" aria-label="[^"]*"')
_OPENING = re.compile(r"^<svg [^>]*?width=\"([\d.]+)\" height=\"([\d.]+)\" viewBox=\"([^\"]*)\">")


@dataclass(frozen=True)
class Drawing:
    """One picture, as SVG for a screen and for a phone (the same where one fits both); `title` is read aloud."""

    title: str
    caption: str
    wide: str
    narrow: str


def draw(title: str, wide: Spec, narrow: Spec | None = None, *, caption: str | None = None) -> Drawing:
    """Render both; the caption is the title where none is given. Raises IngestError where the drawing library is missing."""
    first = _svg(wide, title)
    return Drawing(title, caption or title, first, first if narrow is None else _svg(narrow, title))


def _svg(spec: Spec, title: str) -> str:
    try:
        import vl_convert  # takes a second, which no other command should wait for
    except ImportError as error:
        raise IngestError("The report draws with vl-convert-python, which is missing: run `make build`.") from error
    drawn = vl_convert.vegalite_to_svg({**spec, "config": CONFIG}, vl_version="5.20")
    return _for_the_page(drawn, title)


def _for_the_page(svg: str, title: str) -> str:
    """Smaller, with the font of the page, and with values that a pointer shows: what is `aria-label` becomes a title."""
    svg = _NUMBERS.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), _FONT.sub("", svg))
    svg = _LABELLED.sub(r"<\1\4><title>\2</title></\1>", svg)
    svg = _AXIS_LABEL.sub("", svg)
    svg = re.sub(
        r' aria-(?:hidden|roledescription)="[^"]*"| role="graphics-(?:object|symbol)"| pointer-events="none"', "", svg
    )
    svg = re.sub(
        r'<path class="(?:background|foreground)"[^>]*d="(?:M0,0h0v0h0Z)?"[^>]*/>| class="[^"]*"| opacity="1"', "", svg
    )
    name = escaped(title)
    return _OPENING.sub(rf'<svg role="img" aria-label="{name}" width="\1" height="\2" viewBox="\3">', svg, count=1)


def escaped(text: str) -> str:
    """Text of an attribute; a backslash would be a reference of the pattern it is put into."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\\", "&#92;")):
        text = text.replace(sign, entity)
    return text
