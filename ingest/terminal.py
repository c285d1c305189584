"""How results are shown: tables and a progress bar on a terminal, plain lines elsewhere (NO_COLOR is respected)."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from ingest.progress import Progress
from ingest.runlog import now

PLAIN_LINE_SECONDS = 10.0
# A rate says little before that.
RATE_SECONDS = 2.0
BYTES = "bytes"
# What is counted where it is not bytes, by the end of the label.
UNITS = {
    "history": "commits",
    "fetch": "objects",
    "fetch files": "objects",
    "looking at sessions": "files",
    "dbt build": "nodes",
    "preview": "tables",
    "share": "tables",
}
WARNINGS = ("yellow", "red", "bold red")
TABLE_GAP = 1  # what a drawn table needs between columns beyond the two blanks of a plain one

_is_quiet = False
# How the program was called, for sentences that say what to run next.
MODULE = "python -m ingest"
_program = MODULE


def console() -> Console:
    """Standard output as it is now (a test or a pipe may have replaced it)."""
    return Console(highlight=False, soft_wrap=True)


def be_quiet(quiet: bool) -> None:
    """Whether results and progress are left out, and only what went wrong is printed, on standard error."""
    global _is_quiet
    _is_quiet = quiet


def be_called(program: str) -> None:
    """What to write in the place of `python -m ingest`."""
    global _program
    _program = program


def as_called(text: str) -> str:
    """A sentence that names a command, as it has to be typed where the program was called under another name."""
    return text if _program == MODULE else text.replace(MODULE, _program)


def show_heading(text: str) -> None:
    """A line above a table."""
    if not _is_quiet:
        console().print(Text(text, style="bold"))


def show_line(text: str, style: str = "") -> None:
    """A line of text, never read as markup. Quiet, only what is a warning or worse."""
    text = as_called(text)
    if not _is_quiet:
        console().print(Text(text, style=style))
    elif style in WARNINGS:
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text(text, style=style))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """A table; the columns in `right` are right-aligned. Plain lines without a terminal, a list on a narrow one."""
    if _is_quiet:
        return
    out = console()
    lines = plain_table(columns, rows, right)
    if not out.is_terminal:
        for line in lines:
            out.print(Text(line))
        return
    if max(map(cell_len, lines)) + TABLE_GAP * len(columns) > out.width:
        _show_list(out, columns, rows)
        return
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def _show_list(out: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    width = max(map(len, columns))
    for row in rows:
        out.print(Text(row[0], style="bold"))
        for column, cell in zip(columns[1:], row[1:], strict=True):
            out.print(Text(f"  {column.ljust(width)}  {cell}"))


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> list[str]:
    """The table as aligned lines, two blanks between columns."""
    widths = [max(cell_len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        # A wide character (CJK, emoji) takes two cells of a terminal: len() would not align it.
        gaps = (" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
        aligned = (
            gap + cell if name in right else cell + gap for name, cell, gap in zip(columns, cells, gaps, strict=True)
        )
        return "  ".join(aligned).rstrip()

    return [line(columns), *(line(row) for row in rows)]


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """A function to report progress to: bars on a terminal, a line now and then and at the end elsewhere.

    Both say how fast it goes and how long it will take; quiet, nothing is shown.
    """
    if _is_quiet:
        yield lambda label, done, total: None
        return
    error_output = Console(stderr=True, highlight=False)
    if not error_output.is_terminal:
        yield _plain_progress(error_output)
        return
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()),
        *(TextColumn("{task.fields[rate]}", style="progress.data.speed"), TimeRemainingColumn()),
    )
    with Bars(*columns, console=error_output, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, rate="")
            task = tasks[label]
            bars.update(task, completed=done, total=max(total, 1))
            bars.update(task, rate=_rate(label, done, bars.tasks[bars.task_ids.index(task)].elapsed or 0.0))

        yield report


def _plain_progress(out: Console) -> Progress:
    begun: dict[str, float] = {}
    shown: dict[str, float] = {}

    def report(label: str, done: int, total: int) -> None:
        is_end = done >= total
        moment = time.monotonic()
        seconds = moment - begun.setdefault(label, moment)
        last = shown.setdefault(label, moment)
        if last == float("inf") or not (is_end or moment - last >= PLAIN_LINE_SECONDS):
            return
        shown[label] = float("inf") if is_end else moment
        rate = _rate(label, done, seconds)
        if is_end:
            parts = ["done", rate and f"{rate}, {duration(seconds)}"]
        else:
            left = seconds * (total - done) / done if done else None
            parts = [f"{100 * done // total} %", rate, f"{duration(left)} left" if left is not None else ""]
        out.print(Text(f"{label}: {', '.join(filter(None, parts))}"))

    return report


def _rate(label: str, done: int, seconds: float) -> str:
    """`12.3 MB/s`, `40 commits/s`; empty at the beginning. The last words of a label say what is counted."""
    if seconds < RATE_SECONDS or not done:
        return ""
    unit = next((unit for words, unit in UNITS.items() if label.endswith(words)), BYTES)
    if unit == BYTES:
        return f"{size(round(done / seconds))}/s"
    return f"{done / seconds:,.0f} {unit}/s" if done >= seconds else f"{60 * done / seconds:,.1f} {unit}/min"


def duration(seconds: float) -> str:
    """`8 s`, `3 min`, `2.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def visible(text: str | None, cells: int | None = None) -> str:
    """Foreign text for one line of a terminal: nothing in it can move the cursor or turn the direction of writing.

    Line ends and tabs become blanks, other control and format characters U+FFFD; `cells` cuts it to that width.
    """
    if not text:
        return ""
    if cells is not None:
        text = text[: 8 * cells + 8]  # no need to look at a megabyte of which a line is shown
    if not text.isascii() or not text.isprintable():
        text = "".join(
            " " if char in "\n\r\t\u2028\u2029" else ("\ufffd" if _moves_the_cursor(char) else char) for char in text
        )
    text = " ".join(text.split())
    if cells is not None and cell_len(text) > cells:
        return set_cell_size(text, cells - 1).rstrip() + "…"
    return text


def _moves_the_cursor(char: str) -> bool:
    # U+200C and U+200D join letters and emoji, and are harmless.
    return unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\u200c\u200d"


def size(count: int) -> str:
    """Bytes for people: `368.2 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def number(count: int | float | None) -> str:
    """A whole number with separators, a dash where there is none."""
    return "–" if count is None else f"{count:,.0f}"


def many(count: int, noun: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def ago(moment: datetime | None) -> str:
    """`never`, or the time in UTC and how long ago that was."""
    if moment is None:
        return "never"
    hours = (now() - moment).total_seconds() / 3600
    age = f"{hours * 60:.0f} min" if hours < 1 else (f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days")
    return f"{age} ago ({moment:%Y-%m-%d %H:%M} UTC)"
