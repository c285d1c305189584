"""Numbers and foreign text as the page shows them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from ingest.terminal import many, number, visible

DASH = "–"
Number = int | float | Decimal


def short(value: Number | None) -> str:
    """Three digits and a unit: `2.33 M`."""
    if value is None:
        return DASH
    amount = float(value)
    for unit in ("", " k", " M", " G", " T"):
        if abs(amount) < 999.5 or unit == " T":
            digits = 0 if not unit or abs(amount) >= 99.95 else (1 if abs(amount) >= 9.995 else 2)
            return f"{amount:,.{digits}f}{unit}"
        amount /= 1000
    raise AssertionError("the last unit takes everything")


def usd(value: Number | None) -> str:
    """`$2.45`; whole dollars from a thousand on; a fraction of a cent is not nothing."""
    if value is None:
        return DASH
    if 0 < value < Decimal("0.005"):
        return "< $0.01"
    return f"${value:,.0f}" if value >= 1000 else f"${value:,.2f}"


def percent(value: Number | None) -> str:
    """A share: `8 %`, with a decimal where a whole number would say nothing."""
    if value is None:
        return DASH
    amount = 100 * float(value)
    if 0 < amount < 0.05:
        return "< 0.1 %"
    if 99.95 < amount < 100:
        return "> 99.9 %"
    return f"{amount:.1f} %" if 0 < amount < 10 or 99 < amount < 100 else f"{amount:.0f} %"


def interval(low: Number | None, high: Number | None) -> str:
    """`4–14 %`; empty where there is none."""
    if low is None or high is None:
        return ""
    ends = (100 * float(low), 100 * float(high))
    digits = 1 if ends[1] < 10 or ends[1] - ends[0] < 2 else 0
    return f"{ends[0]:.{digits}f}–{ends[1]:.{digits}f} %"


def duration(seconds: Number | None) -> str:
    """`40 ms`, `40 s`, `12 min`, `3.5 h`."""
    if seconds is None:
        return DASH
    amount = float(seconds)
    if 0 < amount < 1:
        return f"{1000 * amount:.0f} ms"
    if amount < 10:
        return f"{amount:.1f} s"
    if amount < 90:
        return f"{amount:.0f} s"
    return f"{amount / 60:.0f} min" if amount < 5400 else f"{amount / 3600:,.1f} h"


def day(value: date | datetime | None) -> str:
    """`7 Jan 2026`."""
    return DASH if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    """`2026-01-07 09:02`."""
    return DASH if value is None else f"{value:%Y-%m-%d %H:%M}"


def line(value: object, characters: int = 120) -> str:
    """Foreign text in one line, without signs that move the cursor or turn the direction of writing."""
    text = visible(str(value or ""))
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def words(value: object) -> str:
    """A name of a column or a state for people: `no_content` → `no content`."""
    return line(value).replace("_", " ")


FILTERS = {
    "counted": many,
    **{function.__name__: function for function in (number, short, usd, percent, duration, day, moment, line, words)},
}
