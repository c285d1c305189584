"""Draws Vega-Lite as SVG that takes its colours from the page (`var(--…)`), so that one fits light, dark and print."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingest.errors import IngestError

Spec = dict[str, Any]

# Widths of a column of the page, in pixels: the whole one, half of it, and that of a phone.
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
    "axisX": {"domain": True, "domainColor": "var(--rule)", "tickSize": 4, "labelPadding": 3, "zindex": 1},
    "axisY": {"ticks": False, "grid": True, "gridColor": "var(--grid)", "tickCount": 3},
    "title": {
        "anchor": "start",
        "color": "var(--ink)",
        "fontSize": 12,
        "fontWeight": 600,
        # begins where the labels of the axis do
        "frame": "group",
        "dx": -40,
        "offset": 6,
    },
    "text": {"color": "var(--muted)", "fontSize": 11},
    "legend": {"disable": True},
}

_DECIMALS = re.compile(r"(\.\d\d)\d+")
_NUMBERS = re.compile(r' (?:d|transform|x2|y2)="[^"]*"')
_FONT = re.compile(r' font-family="[^"]*"')
_LABELLED = re.compile(
    r'<(path|line|rect) aria-label="([^"]*)" role="graphics-symbol"(?: aria-roledescription="[^"]*")?([^>]*?)/>'
)
_AXIS_LABEL = re.compile(r' role="graphics-symbol" aria-roledescription="(?:axis|title)" aria-label="[^"]*"')
_NOISE = re.compile(
    r' aria-(?:hidden|roledescription)="[^"]*"| role="graphics-(?:object|symbol)"| pointer-events="none"'
    r'|<path class="(?:background|foreground)"[^>]*d="(?:M0,0h0v0h0Z)?"[^>]*/>| class="[^"]*"| opacity="1"'
)
_OPENING = re.compile(r'^<svg [^>]*?width="(?P<width>[\d.]+)" height="(?P<height>[\d.]+)" [^>]*>')


@dataclass(frozen=True)
class Drawing:
    """One picture, as SVG for a screen and for a phone; `title` is read aloud, `caption` stands above it."""

    title: str
    caption: str
    wide: str
    narrow: str


def draw(title: str, drawn: Callable[[int], Spec], width: int = WIDE, *, caption: str | None = None) -> Drawing:
    """Render what `drawn` gives for a width, for that one and for a phone; without a caption it is the title.

    Raises IngestError where the drawing library is missing.
    """
    wide, narrow = (_for_the_page(_svg(drawn(room)), title, room) for room in (width, NARROW))
    return Drawing(title, caption or title, wide, narrow)


def _svg(spec: Spec) -> str:
    try:
        import vl_convert  # takes a moment, which no other command should wait for
    except ImportError as error:
        raise IngestError("The report draws with vl-convert-python, which is missing: run `make build`.") from error
    return vl_convert.vegalite_to_svg({**spec, "config": CONFIG}, vl_version="5.20")


def _for_the_page(svg: str, title: str, width: int) -> str:
    """Smaller, in the font of the page, and with values that a pointer shows: the label of a mark becomes its title.

    At least `width` wide: the library guesses how long a text is, as it does not know the reader's fonts.
    """
    svg = _NUMBERS.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), _FONT.sub("", svg))
    svg = _LABELLED.sub(r"<\1\3><title>\2</title></\1>", svg)
    svg = _NOISE.sub("", _AXIS_LABEL.sub("", svg))

    def opening(found: re.Match[str]) -> str:
        wide, high = max(float(found["width"]), width), float(found["height"])
        size = f'width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}"'
        return f'<svg role="img" aria-label="{_escaped(title)}" {size}>'

    return _OPENING.sub(opening, svg)


def _escaped(text: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, entity)
    return text
