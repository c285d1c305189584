"""The pictures of the report, as Vega-Lite. What a reader has to know stands in the picture, the rest in the table beside."""

from __future__ import annotations

from datetime import date
from typing import Any

from ingest.report.drawing import HALF, NARROW, WIDE, Drawing, Spec, draw
from ingest.report.questions import Answer, Answers, Row
from ingest.report.scope import end_of
from ingest.report.words import counted, day, percent, usd

# From what needs a look to what does not: the first are read against the base line.
REACTIONS = {
    "block": "var(--warn-3)",
    "correct": "var(--warn-2)",
    "redirect": "var(--warn-1)",
    "question": "var(--calm-1)",
    "approve": "var(--accent)",
    "unknown": "var(--none)",
}
LINES = {
    "agent_lines": ("written by an agent", "var(--accent)"),
    "changed_lines": ("written by an agent, changed by somebody", "var(--s3)"),
    "other_lines": ("others", "var(--none-2)"),
    "unknown_lines": ("not known", "var(--none)"),
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TIME = {
    "day": "utcFormat(datum.value, '%-d %b')",
    "week": "utcFormat(datum.value, '%-d %b')",
    "month": "utcFormat(datum.value, '%b %Y')",
    "quarter": "'Q' + utcFormat(datum.value, '%q %Y')",
    "year": "utcFormat(datum.value, '%Y')",
}


def activity(answers: Answers) -> Drawing | None:
    """Three panels over the same days."""
    rows = answers["activity"].rows
    if not rows:
        return None
    panels = (
        ("turns", "Turns", lambda row: counted(row["turns"], "turn")),
        ("active_hours", "Hours of active work", lambda row: f"{row['active_hours']:.1f} h"),
        ("commits", "Commits", lambda row: f"{counted(row['commits'], 'commit')}, {row['linked_commits']} linked"),
    )

    def drawn(width: int) -> Spec:
        parts = []
        for index, (column, title, said) in enumerate(panels):
            values = [_timed(row, answers.grain, value=float(row[column]), said=said(row)) for row in rows]
            part = _bars(values, answers, width, 56, is_last=index == len(panels) - 1)
            parts.append({**part, "title": title})
        return {"vconcat": parts, "spacing": 14}

    return draw(f"Turns, active hours and commits by {answers.grain}", drawn(WIDE), drawn(NARROW))


def hours(answers: Answers) -> Drawing | None:
    """A punch card: the area of a dot is the number of turns."""
    rows = answers["hours"].rows
    if not rows:
        return None
    values = [
        {
            **{"weekday": WEEKDAYS[row["weekday"] - 1], "hour": row["hour"], "turns": row["turns"]},
            "said": f"{WEEKDAYS[row['weekday'] - 1]} {row['hour']:02d}–{row['hour'] + 1:02d} h: {counted(row['turns'], 'turn')}",
        }
        for row in rows
    ]

    def drawn(width: int) -> Spec:
        step = (width - 40) / 24
        return {
            "data": {"values": values},
            "width": width - 40,
            "height": 7 * 20,
            "mark": {"type": "circle", "color": "var(--accent)", "opacity": 1},
            "encoding": {
                "x": {
                    "field": "hour",
                    "type": "quantitative",
                    "scale": {"domain": [-0.5, 23.5], "nice": False},
                    "axis": {"values": [0, 6, 12, 18, 23], "labelExpr": "datum.value + ' h'", "domain": False, "tickSize": 0},
                },
                "y": {"field": "weekday", "type": "ordinal", "sort": list(WEEKDAYS), "scale": {"domain": list(WEEKDAYS)}, "axis": {"grid": True}},
                "size": {"field": "turns", "type": "quantitative", "scale": {"type": "linear", "domainMin": 0, "range": [0, min(step * 0.95, 19) ** 2]}},
                "description": {"field": "said"},
            },
        }

    return draw("Turns by local weekday and hour", drawn(WIDE), drawn(NARROW))


def cost(answers: Answers) -> Drawing | None:
    """Dollars over time; a colour for each of the models that cost most."""
    rows = [row for row in answers["cost"].rows if row["cost_usd"] is not None]
    if not rows:
        return None
    values = [
        _timed(
            row,
            answers.grain,
            value=float(row["cost_usd"]),
            rank=row["model_rank"],
            said=f"{row['model'] or 'no model'}: {usd(row['cost_usd'])}",
        )
        for row in rows
    ]
    colours = {"field": "rank", "type": "ordinal", "scale": {"domain": list(range(1, 7)), "range": [series(n) for n in range(1, 7)]}}
    dollars = {"labelExpr": "'$' + format(datum.value, ',~g')"}

    def drawn(width: int) -> Spec:
        return _bars(values, answers, width, 150, colours, order="rank", axis=dollars)

    return draw(f"List-price cost by {answers.grain} and model, in dollars", drawn(WIDE), drawn(NARROW))


def series(rank: int) -> str:
    """The colour of a model by its rank; those without one of their own are grey."""
    return f"var(--s{rank})" if rank <= 5 else "var(--none-2)"


def lines(answers: Answers) -> Drawing | None:
    """Added lines by month and by who wrote them."""
    rows = answers["lines"].rows
    if not rows:
        return None
    values = [
        {
            **_timed(row, "month", value=int(row[column]), kind=column),
            **{"rank": rank, "said": f"{row['period']:%b %Y}: {counted(int(row[column]), 'line')} {name}"},
        }
        for row in rows
        for rank, (column, (name, _)) in enumerate(LINES.items())
        if row[column]
    ]
    colours = {"field": "kind", "type": "nominal", "scale": {"domain": list(LINES), "range": [colour for _, colour in LINES.values()]}}
    span = (rows[0]["period"], end_of(rows[-1]["period"], "month"))

    def drawn(width: int) -> Spec:
        return _bars(values, answers, width, 150, colours, order="rank", grain="month", span=span, axis={"format": "~s"})

    return draw("Added lines by month and by who wrote them", drawn(WIDE), drawn(NARROW))


def reactions(answers: Answers) -> Drawing | None:
    """Turns over time by how people took them."""
    order = list(REACTIONS)
    values = [
        _timed(
            row,
            answers.grain,
            value=row["turns"],
            kind=row["reaction"],
            rank=order.index(row["reaction"]) if row["reaction"] in order else len(order),
            said=f"{counted(row['turns'], 'turn')}: {row['reaction']}",
        )
        for row in answers["reactions"].rows
        if row["period"]
    ]
    if not values:
        return None
    colours = {"field": "kind", "type": "nominal", "scale": {"domain": order, "range": list(REACTIONS.values())}}

    def drawn(width: int) -> Spec:
        return _bars(values, answers, width, 150, colours, order="rank")

    return draw(f"Turns by {answers.grain} and by how people took them", drawn(WIDE), drawn(NARROW))


def tool_errors(answer: Answer, most: int) -> Drawing | None:
    """Shares of calls with an error, of the tools that are called most, with their intervals."""
    rows = [{**row, "share": row["error_share"], "of": row["calls"], "hits": row["errors"]} for row in answer.rows[:most]]
    if not rows:
        return None
    title = "Share of calls that ended in an error"
    return draw(title, shares(rows, WIDE), shares(rows, NARROW))


def objections(answer: Answer, asked_by: str, most: int) -> Drawing | None:
    """Shares of turns that people objected to: one small multiple."""
    rows = [{**row, "of": row["turns"], "hits": row["objected"]} for row in answer.rows if row["asked_by"] == asked_by]
    if not rows:
        return None
    return draw(f"Share of turns that people objected to, by {asked_by}", shares(rows[:most], HALF))


def shares(rows: list[Row], width: int) -> Spec:
    """A dot for each share, a line for its 95 % interval, and the counts behind it."""
    values = [
        {
            **{"name": str(row["name"] or "none"), "share": row["share"], "low": row["low"], "high": row["high"]},
            "counts": f"{row['hits']:,} of {row['of']:,}",
            "said": f"{row['name']}: {percent(row['share'])} ({percent(row['low'])} to {percent(row['high'])}), {row['hits']:,} of {row['of']:,}",
        }
        for row in rows
    ]
    labels = 150 if width > HALF else 110
    top = max(0.1, *(row["high"] for row in rows))
    x = {
        "type": "quantitative",
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"format": ".0%", "tickCount": 4, "grid": True, "gridColor": "var(--grid)", "domain": False, "ticks": False},
    }
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "axis": {"grid": False, "labelLimit": labels, "labelColor": "var(--ink)", "minExtent": labels, "maxExtent": labels},
    }
    return {
        "data": {"values": values},
        "width": width - labels - 96,
        "height": {"step": 21},
        "encoding": {"y": y, "description": {"field": "said"}},
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
                "encoding": {"x": {"value": width - labels - 96 + 10}, "text": {"field": "counts"}},
            },
        ],
    }


def _bars(
    values: list[Row],
    answers: Answers,
    width: int,
    height: int,
    colours: Spec | None = None,
    *,
    order: str | None = None,
    grain: str | None = None,
    span: tuple[date, date] | None = None,
    axis: Spec | None = None,
    is_last: bool = True,
) -> Spec:
    """Bars over time, stacked where there are colours; all pictures of a page have the same time axis."""
    grain = grain or answers.grain
    first, end = span or _span(answers, values)
    labelled = {"labelExpr": _TIME[grain], "tickCount": max(2, width // 90), "labelOverlap": True, "labelBound": True}
    if grain != "day":
        labelled["values"] = _ticks(first, end, grain, width)
    x = {
        "field": "from",
        "type": "temporal",
        "scale": {"type": "utc", "domain": [_stamp(first), _stamp(end)]},
        "axis": labelled if is_last else {"labels": False, "ticks": False},
    }
    y: Spec = {"field": "value", "type": "quantitative", "axis": {"format": "~s", "minExtent": 34, "maxExtent": 34, **(axis or {})}}
    encoding: Spec = {"x": x, "x2": {"field": "to"}, "y": y, "description": {"field": "said"}}
    if colours:
        y["stack"] = "zero"
        encoding |= {"color": colours, "order": {"field": order, "type": "quantitative"}}
    bars = (end - first).days / {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[grain]
    gap = 1 if width / bars < 12 else 2
    mark = {"type": "bar", "stroke": "var(--paper)", "strokeWidth": gap if width / bars > 4 else 0.4}
    if not colours:
        mark["color"] = "var(--accent)"
    return {"data": {"values": values}, "width": width - 46, "height": height, "mark": mark, "encoding": encoding}


def _timed(row: Row, grain: str, *, said: str = "", **more: Any) -> Row:
    begin = row["period"]
    return {"from": _stamp(begin), "to": _stamp(end_of(begin, grain)), "said": f"{day(begin)}: {said}", **more}


def _span(answers: Answers, values: list[Row]) -> tuple[date, date]:
    """The same for all, from the first to the last period that any picture shows."""
    begins = [date.fromisoformat(row["from"][:10]) for row in values]
    begins += [row["period"] for name in ("activity", "cost", "reactions") for row in answers[name].rows if row["period"]]
    return min(begins), end_of(max(begins), answers.grain)


def _ticks(first: date, end: date, grain: str, width: int) -> list[str]:
    """So many beginnings of periods that their labels do not touch."""
    begins, begin = [], first
    while begin < end:
        begins.append(begin)
        begin = end_of(begin, grain)
    step = max(1, -(-len(begins) * 64 // width))
    return [_stamp(begin) for begin in begins[::step]]


def _stamp(begin: date) -> str:
    return f"{begin.isoformat()}T00:00:00Z"
