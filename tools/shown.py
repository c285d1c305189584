"""Writes into documents what their queries really print, on the bundled sample as `make build` leaves it.

    python -m tools.shown [FILE]...     README.md and docs/*.md where no file is named

A query is a block of SQL with a block of text below it. `<!-- output: summary -->` stands above what `make build` ends
with. Tests compare the same blocks with the sample (tests/end_to_end/), so this is how to change them.

A picture is drawn from docs/figures/<its name>.csv (figures of a labelled corpus, which `make evaluate` writes), or,
where there is no such file, from the query above it.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / ".sample"
FIGURES = ROOT / "docs" / "figures"
QUERY = re.compile(r"```sql\n(?P<sql>.*?)```\n\n```text\n(?P<shown>.*?)```", re.DOTALL)
SUMMARY = re.compile(r"<!-- output: summary -->\n```text\n(?P<shown>.*?)```", re.DOTALL)


PICTURE = re.compile(r"!\[[^\]]*\]\(images/(?P<name>[a-z-]+)\.svg\)")


@dataclass(frozen=True)
class Picture:
    """A picture of a document, and what it is drawn from: the query above it with its output, or figures (no query)."""

    name: str
    sql: str
    shown: str

    @property
    def mark(self) -> str:
        """Stands in the picture's file, so that a picture of other data or of another query can be told."""
        return "drawn from " + hashlib.sha256((self.sql + self.shown).encode()).hexdigest()[:16]


def pictures(document: str) -> list[Picture]:
    """The pictures of a document; each belongs to its file of figures, or to the last query above it."""
    blocks = list(QUERY.finditer(document))
    found = []
    for picture in PICTURE.finditer(document):
        figures = FIGURES / f"{picture['name']}.csv"
        if figures.exists():
            found.append(Picture(picture["name"], "", figures.read_text(encoding="utf-8")))
            continue
        block = [block for block in blocks if block.end() <= picture.start()][-1]
        found.append(Picture(picture["name"], block["sql"], block["shown"]))
    return found


def queries(document: str) -> list[tuple[str, str]]:
    """The queries of a document, each with the output that it shows."""
    return [(found["sql"], found["shown"]) for found in QUERY.finditer(document)]


def answer(database: Path, sql: str, directory: Path = ROOT) -> str:
    """What DuckDB's shell prints when it is started in `directory`.

    Raises `CalledProcessError` where the query fails, with the reason in `stderr`.
    """
    shell = Path(sys.executable).with_name("duckdb")
    command = [str(shell), "-readonly", str(database), "-c", sql]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout


def refreshed(document: str, data: Path) -> str:
    """The document with every shown output as the warehouse in `data` gives it."""

    def print_query(found: re.Match[str]) -> str:
        return f"```sql\n{found['sql']}```\n\n```text\n{answer(data / 'ope.db', found['sql'])}```"

    def print_summary(found: re.Match[str]) -> str:
        command = [sys.executable, "-m", "ingest", "summary"]
        environment = os.environ | {"OPE_DATA_DIR": str(data), "NO_COLOR": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return f"<!-- output: summary -->\n```text\n{done.stdout}```"

    return SUMMARY.sub(print_summary, QUERY.sub(print_query, document))


def main(arguments: list[str]) -> int:
    if not (SAMPLE / "ope.db").exists():
        print(f"{SAMPLE / 'ope.db'} is missing: run `make build` where no project is registered.", file=sys.stderr)
        return 1
    paths = [Path(argument) for argument in arguments] or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for path in paths:
        before = path.read_text(encoding="utf-8")
        try:
            after = refreshed(before, SAMPLE)
        except subprocess.CalledProcessError as error:
            print(f"{path}: {error.stderr.strip()}", file=sys.stderr)
            return 1
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"{path.resolve().relative_to(ROOT)} shows other output now: look at the difference")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
