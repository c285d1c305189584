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

from ingest.runlog import now
from ingest.sync import Progress

PLAIN_LINE_SECONDS = 10.0
TABLE_GAP = 1  # what a drawn table needs between columns beyond the two blanks of a plain one


def console() -> Console:
    """Standard output as it is now (a test or a pipe may have replaced it)."""
    return Console(highlight=False, soft_wrap=True)


def show_heading(text: str) -> None:
    """A line above a table."""
    console().print(Text(text, style="bold"))


def show_line(text: str, style: str = "") -> None:
    """A line of text, never read as markup."""
    console().print(Text(text, style=style))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """A table; the columns in `right` are right-aligned. Plain lines without a terminal, a list on a narrow one."""
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
    """A function to report progress to: bars on a terminal, a line now and then and at the end elsewhere."""
    error_output = Console(stderr=True, highlight=False)
    if not error_output.is_terminal:
        yield _plain_progress(error_output)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=error_output, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label)
            bars.update(tasks[label], completed=done, total=max(total, 1))

        yield report


def _plain_progress(out: Console) -> Progress:
    shown: dict[str, float] = {}

    def report(label: str, done: int, total: int) -> None:
        is_end = done >= total
        moment = time.monotonic()
        last = shown.setdefault(label, moment)
        if last == float("inf") or not (is_end or moment - last >= PLAIN_LINE_SECONDS):
            return
        shown[label] = float("inf") if is_end else moment
        out.print(Text(f"{label}: {'done' if is_end else f'{100 * done // total} %'}"))

    return report


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
