"""The two forms that most pictures of the report have: bars over time, and shares with their intervals."""

from __future__ import annotations

from datetime import date
from typing import Any

from ingest.report.drawing import NARROW, Spec
from ingest.report.questions import Answers, Row
from ingest.report.scope import end_of
from ingest.report.words import day, percent

THOUSANDS = {"labelExpr": "format(datum.value, '~s')"}
# Pixels that the labels of an axis take: as many in every picture, so that all begin at the same place.
_LEFT, _NAMES = 34, 150
_WIDEST = 80
_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
_TIME = {
    "day": "utcFormat(datum.value, '%-d %b')",
    "week": "utcFormat(datum.value, '%-d %b')",
    "month": "utcFormat(datum.value, '%b %Y')",
    "quarter": "'Q' + utcFormat(datum.value, '%q %Y')",
    "year": "utcFormat(datum.value, '%Y')",
}


def bars(
    values: list[Row],
    span: tuple[date, date],
    grain: str,
    width: int,
    height: int,
    *,
    colours: Spec | None = None,
    axis: Spec | None = None,
    is_last: bool = True,
) -> Spec:
    """Bars over time from the first day of `span` to the one before its last, stacked by `rank` where there
    are colours. `values` are made by `timed`. `is_last`: the days stand below it.
    """
    first, end = span
    count = (end - first).days / _DAYS[grain]
    # few bars are bars and no walls
    width = min(width, round(_LEFT + 12 + _WIDEST * count))
    labelled: Spec = {"labelExpr": _TIME[grain], "labelOverlap": True, "labelBound": True}
    if grain == "day":
        labelled["tickCount"] = max(2, width // 90)
    else:
        labelled["values"] = _ticks(first, end, grain, width)
    x = {
        "field": "from",
        "type": "temporal",
        "scale": {"type": "utc", "domain": [_stamp(first), _stamp(end)]},
        "axis": labelled if is_last else {"labels": False, "ticks": False},
    }
    y = {
        "field": "low",
        "type": "quantitative",
        "axis": {"minExtent": _LEFT, "maxExtent": _LEFT, **(axis or THOUSANDS)},
    }
    stack = {
        "stack": "value",
        "groupby": ["from"],
        "sort": [{"field": "rank"}] if colours else [],
        "as": ["low", "high"],
    }
    return {
        "data": {"values": values},
        # rectangles from the first to the last moment of a period: no scale has to guess how wide a bar is
        "transform": [stack],
        "width": width - _LEFT - 12,
        "height": height,
        "mark": {"type": "rect", "stroke": "var(--paper)", "strokeWidth": 1.5 if width / count > 6 else 0.5},
        "encoding": {
            **{"x": x, "x2": {"field": "to"}, "y": y, "y2": {"field": "high"}},
            "color": colours or {"value": "var(--accent)"},
            "description": {"field": "said"},
        },
    }


def shares(rows: list[Row], top: float | None, width: int) -> Spec:
    """A dot for each share, a line for its 95 % interval, and the counts behind it; the scale ends at `top`
    (None: where the longest line does).

    Rows have `name`, `share`, `low`, `high`, `hits` and `of`.
    """
    values = [_share(row) for row in rows]
    counts = 72 if width == NARROW else 96
    x = {
        "type": "quantitative",
        "scale": {"domain": [0, max(0.1, top or max(row["high"] for row in rows))], "nice": False},
        "axis": {"format": ".0%", "tickCount": 4, "grid": True, "gridColor": "var(--grid)"}
        | {"domain": False, "ticks": False},
    }
    names = {"grid": False, "labelColor": "var(--ink)", "labelAlign": "left", "labelPadding": _NAMES}
    extent = {"labelLimit": _NAMES, "minExtent": _NAMES, "maxExtent": _NAMES}
    room = width - _NAMES - counts
    return {
        "data": {"values": values},
        "width": room,
        "height": {"step": 21},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "axis": names | extent},
            "description": {"field": "said"},
        },
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "color": "var(--warn-soft)", "strokeCap": "round"},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "circle", "size": 46, "color": "var(--warn-2)", "opacity": 1},
                "encoding": {"x": {"field": "share", **x}},
            },
            {
                "mark": {"type": "text", "align": "left", "aria": False},
                "encoding": {"x": {"value": room + 14}, "text": {"field": "counts"}},
            },
        ],
    }


def colours(field: str, scale: dict[Any, str]) -> Spec:
    """A colour for each value of a field."""
    return {"field": field, "type": "nominal", "scale": {"domain": list(scale), "range": list(scale.values())}}


def timed(begin: date, grain: str, value: float, said: str, **more: Any) -> Row:
    """A value of the period that begins on `begin`, and what a pointer shows."""
    text = f"{begin:%b %Y}" if grain == "month" else day(begin)
    ends = {"from": _stamp(begin), "to": _stamp(end_of(begin, grain))}
    return {**ends, "value": value, "said": f"{text}: {said}", **more}


def span_of(answers: Answers) -> tuple[date, date]:
    """The same for all pictures, from the first to the last period that any of them shows."""
    shown = ("activity", "cost", "reactions")
    begins = [row["period"] for name in shown for row in answers[name].rows if row["period"]]
    return min(begins), end_of(max(begins), answers.grain)


def _share(row: Row) -> Row:
    name, counts = str(row["name"] or "none"), f"{row['hits']:,} of {row['of']:,}"
    bounds = f"{percent(row['low'])} to {percent(row['high'])}"
    return {
        **{"name": name, "share": row["share"], "low": row["low"], "high": row["high"], "counts": counts},
        "said": f"{name}: {percent(row['share'])} ({bounds}), {counts}",
    }


def _ticks(first: date, end: date, grain: str, width: int) -> list[str]:
    """So many beginnings of periods that their labels do not touch."""
    begins, begin = [], first
    while begin < end:
        begins.append(begin)
        begin = end_of(begin, grain)
    step = max(1, -(-len(begins) * 78 // width))
    return [_stamp(begin) for begin in begins[::step]]


def _stamp(begin: date) -> str:
    return f"{begin.isoformat()}T00:00:00Z"
