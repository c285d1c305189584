"""The blocks of a page: queries, commands and what they print, with the notes that stand above them.

A note is an HTML comment on a line of its own, above the block that it is about:

    <!-- not run: REASON -->        this block is not run, because …
    <!-- first: COMMAND -->         run before the block, and not shown
    <!-- anew: REASON -->           the block begins with a fresh copy of the sample
    <!-- types: WORDS -->           what a person types where the command asks; without it `y`, three times
    <!-- exits: CODE, REASON -->    the exit code that is meant, where it is not 0
    <!-- silent: REASON -->         why a query stands without its answer
    <!-- output: COMMAND -->        above a block of text: it is what `python -m ingest COMMAND` prints
    <!-- varies: PATTERN -->        what of an output is not compared: a regular expression, `^` begins each line
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.paths import PRODUCT_ROOT

NOTES = frozenset({"not run", "anew", "first", "types", "exits", "silent", "output", "varies"})
COMMAND_LANGUAGES = frozenset({"sh", "bash", "console", "shell"})
# An indented block without a language is one of commands where it begins with one of these.
PROGRAMS = (
    "python",
    "ope",
    "make",
    "dbt",
    "duckdb",
    "git",
    "jq",
    "export",
    "cd",
    "mf",
    "cp",
    "mkdir",
    "pip",
    "rm",
    "npm",
)

_NOTE = re.compile(r"<!-- (?P<name>[a-z ]+): (?P<value>.*?) -->\s*$")
_FENCE = re.compile(r"^```(?P<language>[a-z]*)\s*$")
_PROGRAM = re.compile(rf"^(?:[A-Z_]+=\S* )*(?:[\w./~-]*/)?(?:{'|'.join(PROGRAMS)})(?: |$)")


@dataclass(frozen=True)
class Block:
    """A block of a page. `line` counts from 1; `start` and `end` are where its text lies in the page; `same_as` names
    the block of another page that has the same commands, and runs for it."""

    page: str
    line: int
    language: str
    text: str
    start: int
    end: int
    notes: tuple[tuple[str, str], ...] = ()
    same_as: str = ""
    shown: Block | None = field(default=None, compare=False)

    def note(self, name: str) -> str | None:
        """The value of a note, if it is there."""
        return dict(self.notes).get(name)

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_query(self) -> bool:
        return self.language == "sql"

    @property
    def is_python(self) -> bool:
        return self.language == "python"

    @property
    def is_commands(self) -> bool:
        return self.language in COMMAND_LANGUAGES or (self.language == "" and bool(_PROGRAM.match(self.text)))

    @property
    def can_run(self) -> bool:
        """Whether a reader would run it, or see what it prints."""
        return self.is_query or self.is_commands or self.is_python or self.note("output") is not None

    @property
    def runs(self) -> bool:
        return self.can_run and not self.same_as and self.note("not run") is None


def page_paths(root: Path = PRODUCT_ROOT) -> list[Path]:
    """All pages, the README first."""
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]


def page_blocks(path: Path, root: Path = PRODUCT_ROOT) -> list[Block]:
    """The blocks of a page in order. A block of text right below one that can run is what that one shows."""
    page = path.relative_to(root).as_posix()
    blocks: list[Block] = []
    last_end = 0
    document = path.read_text(encoding="utf-8")
    for block in _blocks(page, document):
        above = blocks[-1] if blocks else None
        between = document[last_end : block.start].removeprefix("```").strip()
        if above and above.can_run and block.language == "text" and between == "```text" and not block.notes:
            blocks[-1] = Block(**(above.__dict__ | {"shown": block}))
        else:
            blocks.append(block)
        last_end = block.end
    return blocks


def all_blocks(paths: Sequence[Path]) -> dict[Path, list[Block]]:
    """The blocks of pages. Of commands that stand on several pages, word for word, the first runs for all."""
    found: dict[Path, list[Block]] = {}
    seen: dict[str, str] = {}
    for path in paths:
        found[path] = []
        for block in page_blocks(path):
            commands = block.text.replace(".venv/bin/", "").strip()
            if block.is_commands and block.runs and not block.notes and block.shown is None:
                first = seen.setdefault(commands, block.name)
                if first.split(":")[0] != block.page:
                    block = replace(block, same_as=first)
            found[path].append(block)
    return found


def _blocks(page: str, document: str) -> Iterator[Block]:
    lines = document.splitlines(keepends=True)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    number, notes, in_list = 0, [], False
    while number < len(lines):
        line = lines[number]
        fence = _FENCE.match(line)
        if fence:
            end = next(n for n in range(number + 1, len(lines)) if lines[n].startswith("```"))
            text = "".join(lines[number + 1 : end])
            place = (offsets[number + 1], offsets[end])
            yield Block(page, number + 1, fence["language"] or "text", text, *place, (*notes,))
            number, notes = end + 1, []
        elif line.startswith("    ") and not in_list and not lines[number - 1].strip():
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            text = "".join(code[4:] or "\n" for code in lines[number:end]).rstrip() + "\n"
            yield Block(page, number + 1, "", text, offsets[number], offsets[end], (*notes,))
            number, notes = end, []
        else:
            note = _NOTE.match(line)
            if note:
                notes.append((note["name"], note["value"]))
            elif line.strip():
                notes, in_list = [], bool(re.match(r"\s*(?:[-*]|\d+\.) ", line)) or (in_list and line.startswith(" "))
            number += 1
