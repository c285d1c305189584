"""The pictures of the report: which rows of which answers they show, in which form and colours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ingest.report.drawing import HALF, Drawing, Spec, draw
from ingest.report.forms import THOUSANDS, bars, colours, shares, span_of, timed
from ingest.report.questions import Answer, Answers, Row
from ingest.report.scope import end_of
from ingest.report.words import line, usd
from ingest.terminal import many

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
    "other_lines": ("written by others", "var(--none-2)"),
    "unknown_lines": ("not known", "var(--none)"),
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Models that have a colour of their own at most: tints that can be told apart.
TINTS = 5
_PANEL, _HEIGHT = 56, 150


def series(rank: int) -> str:
    """The colour of a model by its rank; those without one of their own are grey."""
    return f"var(--s{rank})" if rank <= TINTS else "var(--none-2)"


def activity(answers: Answers) -> Drawing | None:
    """Three panels over the same days."""
    rows = answers["activity"].rows
    if not rows:
        return None
    panels: tuple[tuple[str, str, Callable[[Row], str]], ...] = (
        ("turns", "Turns", lambda row: many(row["turns"], "turn")),
        ("active_hours", "Hours of active work", lambda row: f"{row['active_hours']:.1f} h"),
        ("commits", "Commits", lambda row: f"{many(row['commits'], 'commit')}, {row['linked_commits']} linked"),
    )
    grain, span = answers.grain, span_of(answers)

    def panel(index: int, width: int) -> Spec:
        column, title, said = panels[index]
        values = [timed(row["period"], grain, float(row[column]), said(row)) for row in rows if row[column]]
        is_last = index == len(panels) - 1
        drawn = bars(values, span, grain, width, _PANEL, axis={"format": ",~f"}, is_last=is_last)
        return {**drawn, "title": title}

    def drawn(width: int) -> Spec:
        return {"vconcat": [panel(index, width) for index in range(len(panels))], "spacing": 14}

    return draw(f"Turns, active hours and commits by {grain}", drawn)


def hours(answers: Answers) -> Drawing | None:
    """A punch card: the area of a dot is the number of turns."""
    rows = answers["hours"].rows
    if not rows:
        return None
    values = []
    for row in rows:
        weekday, hour = WEEKDAYS[row["weekday"] - 1], row["hour"]
        said = f"{weekday} {hour:02d}–{hour + 1:02d} h: {many(row['turns'], 'turn')}"
        values.append({"weekday": weekday, "hour": hour, "turns": row["turns"], "said": said})
    ticks = {"values": [0, 6, 12, 18, 23], "labelExpr": "datum.value + ' h'", "domain": False, "tickSize": 0}
    days = list(WEEKDAYS)

    def drawn(width: int) -> Spec:
        widest = min((width - 40) / 24 * 0.95, 19)
        size = {"type": "linear", "domainMin": 0, "range": [0, widest**2]}
        x = {"field": "hour", "type": "quantitative", "scale": {"domain": [-0.5, 23.5], "nice": False}, "axis": ticks}
        y = {"field": "weekday", "type": "ordinal", "sort": days, "scale": {"domain": days}, "axis": {"grid": True}}
        return {
            "data": {"values": values},
            "width": width - 40,
            "height": 20 * len(days),
            "mark": {"type": "circle", "color": "var(--accent)", "opacity": 1},
            "encoding": {
                **{"x": x, "y": y, "size": {"field": "turns", "type": "quantitative", "scale": size}},
                "description": {"field": "said"},
            },
        }

    return draw("Turns by local weekday and hour", drawn)


def cost(answers: Answers) -> Drawing | None:
    """Dollars over time; a colour for each of the models that cost most."""
    grain = answers.grain
    values = [
        timed(
            *(row["period"], grain, float(row["cost_usd"])),
            f"{line(row['model']) or 'no model'}: {usd(row['cost_usd'])}",
            rank=row["model_rank"],
        )
        for row in answers["cost"].rows
        if row["cost_usd"] is not None
    ]
    if not values:
        return None
    scale = colours("rank", {rank: series(rank) for rank in range(1, TINTS + 2)})
    dollars = {"labelExpr": "'$' + format(datum.value, ',~f')"}

    def drawn(width: int) -> Spec:
        return bars(values, span_of(answers), grain, width, _HEIGHT, colours=scale, axis=dollars)

    return draw(f"List-price cost by {grain} and model, in dollars", drawn)


def lines(answers: Answers) -> Drawing | None:
    """Added lines by month and by who wrote them."""
    rows = answers["lines"].rows
    if not rows:
        return None
    values = [
        timed(row["period"], "month", int(row[column]), f"{many(int(row[column]), 'line')} {name}", kind=column)
        | {"rank": rank}
        for row in rows
        for rank, (column, (name, _)) in enumerate(LINES.items())
        if row[column]
    ]
    scale = colours("kind", {column: colour for column, (_, colour) in LINES.items()})
    first, last = rows[0]["period"], rows[-1]["period"]
    span = (first, end_of(last, "month"))

    def drawn(width: int) -> Spec:
        return bars(values, span, "month", width, _HEIGHT, colours=scale, axis=THOUSANDS)

    return draw("Added lines by month and by who wrote them", drawn)


def reactions(answers: Answers) -> Drawing | None:
    """Turns over time by how people took them."""
    grain, order = answers.grain, list(REACTIONS)
    values = [
        timed(
            *(row["period"], grain, row["turns"], f"{many(row['turns'], 'turn')}: {row['reaction']}"),
            kind=row["reaction"],
            rank=order.index(row["reaction"]) if row["reaction"] in order else len(order),
        )
        for row in answers["reactions"].rows
        if row["period"]
    ]
    if not values:
        return None
    scale = colours("kind", REACTIONS)

    def drawn(width: int) -> Spec:
        return bars(values, span_of(answers), grain, width, _HEIGHT, colours=scale)

    return draw(f"Turns by {grain} and by how people took them", drawn)


def tool_errors(answer: Answer, most: int) -> Drawing | None:
    """Shares of calls with an error, of the tools that are called most."""
    rows = [
        {**row, "share": row["error_share"], "of": row["calls"], "hits": row["errors"]} for row in answer.rows[:most]
    ]
    if not rows:
        return None
    return draw("Share of calls that ended in an error", partial(shares, rows, None))


def objections(answer: Answer, most: int) -> list[Drawing]:
    """Shares of turns that people objected to, once for each thing that it may depend on, all on one scale."""
    by_kind: dict[str, list[Row]] = {}
    for row in answer.rows:
        if len(by_kind.setdefault(row["asked_by"], [])) < most:
            by_kind[row["asked_by"]].append({**row, "of": row["turns"], "hits": row["objected"]})
    top = max((row["high"] for rows in by_kind.values() for row in rows), default=None)
    return [
        draw(
            f"Share of turns that people objected to, by {kind}",
            partial(shares, rows, top),
            HALF,
            caption=f"By {kind}",
        )
        for kind, rows in by_kind.items()
    ]
