"""Draws the pictures of docs/: each from the query that stands above it, or from its figures in docs/figures.

    .venv-lab/bin/python -m tools.plots [--data DIRECTORY]

Without a data directory it is the bundled sample, and the pictures go into docs/images. Of your own data they go into
its directory `plots`: the same questions, asked of your sessions. The same data gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ingest.paths import PRODUCT_ROOT as ROOT
from tools.pages.pictures import Picture, pictures

SAMPLE = ROOT / ".sample"
DOCS = ROOT / "docs"
SHELL = ROOT / ".venv" / "bin" / "duckdb"

Row = dict[str, Any]

# The picture names it: variable `accepted_confidence`.
ACCEPTED = 0.6

# From calm to alarming; told apart in print and by readers who do not see red and green.
COLOURS = {
    "approve": "#2f7f86",
    "question": "#9ec3cf",
    "redirect": "#f0c05a",
    "correct": "#dd7740",
    "block": "#9c2b3a",
    "accepted": "#2f7f86",
    "objected": "#dd7740",
    "other": "#c9ced1",
}
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8a9094",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": "#e6e8e9",
    "legend.frameon": False,
    # ids of the drawing's parts come from this and not from chance
    "svg.hashsalt": "ope",
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools.plots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=SAMPLE, help="data directory with ope.db (default: the sample)")
    data = parser.parse_args(arguments).data.resolve()
    output = DOCS / "images" if data == SAMPLE else data / "plots"
    database = data / "ope.db"
    if not database.exists():
        print(f"{database} is missing: run `make build` first.", file=sys.stderr)
        return 1
    output.mkdir(parents=True, exist_ok=True)
    for picture in [picture for page in sorted(DOCS.glob("*.md")) for picture in pictures(page.read_text("utf-8"))]:
        if not picture.sql and data != SAMPLE:
            continue  # figures of a labelled corpus, not of this data
        target = output / f"{picture.name}.svg"
        # a mark says which query and output of the page the picture shows; other data has no such mark
        mark = picture.mark if data == SAMPLE else "drawn from other data than the page shows"
        try:
            rows = read(database, picture.sql) if picture.sql else read_figures(picture)
        except subprocess.CalledProcessError as error:
            print(f"{database}: {error.stderr.strip()}", file=sys.stderr)
            return 1
        draw(PICTURES[picture.name], rows, target, mark)
        print(target)
    return 0


def read(database: Path, sql: str) -> list[Row]:
    """Rows of a query, with DuckDB's own shell: the environment that draws needs no database of its own."""
    command = [str(SHELL), "-readonly", "-json", str(database), "-c", sql]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(printed or "[]")


def read_figures(picture: Picture) -> list[Row]:
    """Rows of a file of figures; all of its columns are numbers."""
    return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(picture.shown))]


def draw(picture: Callable[[Axes, list[Row]], None], rows: list[Row], target: Path, mark: str) -> None:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        if rows:
            picture(axes, rows)
        else:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "no such turn yet", ha="center", transform=axes.transAxes)
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": "OPE", "Description": mark})


# The pictures


def reactions_by_week(axes: Axes, rows: list[Row]) -> None:
    weeks = [row["week"] for row in rows]
    below = [0] * len(rows)
    for reaction in ("approve", "question", "redirect", "correct", "block"):
        counts = [row[reaction] for row in rows]
        axes.bar(weeks, counts, 0.7, bottom=below, color=COLOURS[reaction], label=reaction)
        below = [low + count for low, count in zip(below, counts, strict=True)]
    for place, (row, top) in enumerate(zip(rows, below, strict=True)):
        axes.annotate(f"{row['objected_percent']:.0f} %", (place, top), (0, 3), textcoords="offset points", ha="center")
    axes.set_title("Reactions by week (percent: corrected, redirected or blocked)")
    axes.set_ylabel("turns with a reaction")
    axes.set_xlabel("week that begins on (weeks without a turn are left out)")
    axes.set_ylim(0, 1.12 * max(below))
    if len(weeks) > 6:
        axes.tick_params(axis="x", rotation=90)
    whole_numbers(axes.yaxis)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), reverse=True)


def objections_by_action(axes: Axes, rows: list[Row]) -> None:
    rows = rows[::-1]
    names = [row["action_id"] for row in rows]
    objected = [row["objected"] for row in rows]
    accepted = [row["turns"] - row["objected"] for row in rows]
    axes.barh(names, objected, 0.7, color=COLOURS["objected"], label="objected to")
    axes.barh(names, accepted, 0.7, left=objected, color=COLOURS["accepted"], label="not")
    for place, row in enumerate(rows):
        text = f"{row['objected']} of {row['turns']}"
        axes.annotate(text, (row["turns"], place), (4, 0), textcoords="offset points", va="center")
    axes.set_title("Turns that the human objected to, by the turn's decisive action")
    axes.set_xlabel("turns with a reaction")
    whole_numbers(axes.xaxis)
    as_table(axes, rows, room=1.1)


def failed_runs(axes: Axes, rows: list[Row]) -> None:
    names = [row["failed_runs"] for row in rows]
    objected = [row["objected"] for row in rows]
    accepted = [row["turns"] - row["objected"] for row in rows]
    axes.bar(names, objected, 0.6, color=COLOURS["objected"], label="objected to")
    axes.bar(names, accepted, 0.6, bottom=objected, color=COLOURS["accepted"], label="not")
    for place, row in enumerate(rows):
        text = f"{row['objected']} of {row['turns']}"
        axes.annotate(text, (place, row["turns"]), (0, 3), textcoords="offset points", ha="center")
    axes.set_title("Turns that the human objected to, by the failed test runs in them")
    axes.set_xlabel("failed test runs in the turn")
    axes.set_ylabel("turns with a test run and a reaction")
    axes.set_xlim(-0.6, max(len(rows), 5) - 0.4)
    axes.set_ylim(0, 1.12 * max(row["turns"] for row in rows))
    whole_numbers(axes.yaxis)
    axes.legend(loc="upper right")


def cost_by_model(axes: Axes, rows: list[Row]) -> None:
    rows = rows[::-1]
    names = [row["main_model"] for row in rows]
    left = [0.0] * len(rows)
    for column, colour, label in (
        ("accepted_usd", "accepted", "accepted"),
        ("objected_usd", "objected", "objected to"),
        ("other_usd", "other", "question or unknown"),
    ):
        values = [float(row[column]) for row in rows]
        axes.barh(names, values, 0.65, left=left, color=COLOURS[colour], label=label)
        left = [before + value for before, value in zip(left, values, strict=True)]
    for place, (row, end) in enumerate(zip(rows, left, strict=True)):
        each = row["usd_per_accepted"]
        text = f"{float(each):.2f} per accepted turn" if each else "no turn accepted"
        axes.annotate(text, (end, place), (4, 0), textcoords="offset points", va="center")
    axes.set_title("What turns cost, by what became of them")
    axes.set_xlabel("dollars at list prices")
    as_table(axes, rows, room=1.4)


def link_precision_and_recall(axes: Axes, rows: list[Row]) -> None:
    recall = [row["recall"] for row in rows]
    axes.plot(recall, [row["precision"] for row in rows], color=COLOURS["accepted"], marker=".", label="best link")
    axes.plot(
        recall,
        [row["pair_precision"] for row in rows],
        color=COLOURS["objected"],
        linestyle="--",
        label="all pairs",
    )
    for wanted in (0.2, 0.6, 0.8, 0.9, 0.96):
        row = min(rows, key=lambda row: abs(row["confidence"] - wanted))
        text = f"{row['confidence']:g}" + (", accepted" if wanted == ACCEPTED else "")
        place, bold = (row["recall"], row["precision"]), "bold" if wanted == ACCEPTED else "normal"
        axes.annotate(text, place, (3, 5), textcoords="offset points", fontweight=bold)
    axes.set_title("Precision and recall of links, by the least confidence that is accepted")
    axes.set_xlabel("recall: labelled commits with a right best link")
    axes.set_ylabel("precision")
    axes.set_xlim(0.66, 0.96)
    axes.set_ylim(0.9, 1.0)
    axes.grid(True)
    axes.legend(loc="lower left")


def link_calibration(axes: Axes, rows: list[Row]) -> None:
    promised, right = [row["confidence"] for row in rows], [row["right"] for row in rows]
    bounds = [
        [max(0, row["right"] - row["right_low"]) for row in rows],
        [max(0, row["right_high"] - row["right"]) for row in rows],
    ]
    axes.plot([0, 1], [0, 1], color=COLOURS["objected"], linestyle="--", label="as promised")
    axes.errorbar(promised, right, bounds, color=COLOURS["accepted"], fmt="o", capsize=3, label="measured, 95 %")
    for row in rows[2:-2]:
        place = (row["confidence"], row["right"])
        axes.annotate(f"{row['pairs']:.0f}", place, (6, -10), textcoords="offset points")
    for row, (x, y) in ((rows[0], (8, 14)), (rows[-1], (-8, -38))):
        axes.annotate(
            f"{row['pairs']:.0f}",
            (row["confidence"], row["right"]),
            (x, y),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": "#8a9094"},
        )
    axes.set_title("How sure a link is said to be, and how often it is right (numbers: pairs)")
    axes.set_xlabel("mean confidence of candidate pairs")
    axes.set_ylabel("share that is right")
    axes.set_xlim(-0.03, 1.05)
    axes.set_ylim(-0.03, 1.05)
    axes.grid(True)
    axes.legend(loc="upper left")


def as_table(axes: Axes, rows: list[Row], *, room: float) -> None:
    """A bar per row: as high as its rows need, with room for what stands behind the bars."""
    axes.set_xlim(0, room * axes.get_xlim()[1])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.figure.set_figheight(1.4 + 0.27 * len(rows))
    axes.figure.legend(loc="outside lower left", ncols=3)


def whole_numbers(axis: Any) -> None:
    axis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(True)


PICTURES: dict[str, Callable[[Axes, list[Row]], None]] = {
    "reactions-by-week": reactions_by_week,
    "objections-by-action": objections_by_action,
    "failed-runs": failed_runs,
    "cost-by-model": cost_by_model,
    "link-precision-and-recall": link_precision_and_recall,
    "link-calibration": link_calibration,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
