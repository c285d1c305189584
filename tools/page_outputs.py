"""Runs what README.md, CONTRIBUTING.md and docs/ show, on the bundled sample, and writes what comes out into them.

    python -m tools.page_outputs [PAGE]...           write the outputs; all pages where none is named
    python -m tools.page_outputs --check [PAGE]...   only compare, exit code 1 where something differs
    python -m tools.page_outputs --list [PAGE]...    only count: blocks that run, and the reasons of those that do not

The sample is `.sample`, as `make build` leaves it where no project is registered, or that of OPE_BUILT_SAMPLE. How a
block is marked is said in tools/pages/blocks.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ingest.paths import PRODUCT_ROOT
from tools.pages.blocks import Block, all_blocks, page_blocks, page_paths
from tools.pages.running import Result, compared, run_page
from tools.pages.world import World


def shown_block(block: Block) -> Block | None:
    """The block of text with a block's output: the one below it, or itself where a note names the command."""
    return block if block.note("output") is not None else block.shown


def problem(block: Block, result: Result) -> str:
    """What is wrong with a block that was run: a sentence with the page and its line, or nothing."""
    shown = shown_block(block)
    if result.problem or shown is None:
        return result.problem
    if compared(block, shown.text) == compared(block, result.output):
        return ""
    return f"{block.name} shows another output than:\n{result.output}"


def written(path: Path, results: dict[Block, Result], is_built_here: bool) -> str:
    """The page with the output of every block that shows one. What varies is that of `make build` in this clone, or
    stays as it is."""
    document = path.read_text(encoding="utf-8")
    for block, result in sorted(results.items(), key=lambda item: -item[0].start):
        shown = shown_block(block)
        if shown and not result.problem and (is_built_here or problem(block, result)):
            output = "\n".join(line.rstrip() for line in result.output.rstrip().splitlines()) + "\n"
            document = document[: shown.start] + output + document[shown.end :]
    return document


def show_counts(paths: list[Path]) -> None:
    """Print how many blocks run, of which kind, and why the others do not."""
    blocks = [block for found in all_blocks(paths).values() for block in found if block.can_run]
    kinds = Counter(
        "queries" if block.is_query else "Python" if block.is_python else "commands" for block in blocks if block.runs
    )
    excused = [block for block in blocks if block.note("not run") is not None]
    same = sum(bool(block.same_as) for block in blocks)
    for block in excused:
        print(f"not run: {block.name}: {block.note('not run')}")
    runs = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    run = sum(block.runs for block in blocks)
    print(f"{run} of {len(blocks)} blocks run ({runs}), {same} stand on another page too, {len(excused)} say why not")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools.page_outputs", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true", dest="counts")
    options = parser.parse_args(arguments)
    paths = [page.resolve() for page in options.pages] or page_paths()
    if options.counts:
        show_counts(paths)
        return 0
    built = os.environ.get("OPE_BUILT_SAMPLE")
    database = Path(built, "data", "ope.db") if built else PRODUCT_ROOT / ".sample" / "ope.db"
    if not database.exists():
        print(f"{database} is missing: run `make build` where no project is registered.", file=sys.stderr)
        return 1
    failed = False
    for path in paths:
        with tempfile.TemporaryDirectory(prefix="ope-pages-") as scratch:
            results = run_page(page_blocks(path), World(Path(scratch).resolve(), database))
        problems = [found for block, result in results.items() if (found := problem(block, result))]
        if not options.check:
            document = written(path, results, is_built_here=not built)
            if document != path.read_text(encoding="utf-8"):
                path.write_text(document, encoding="utf-8")
                print(f"{path.relative_to(PRODUCT_ROOT)} shows other output now: look at the difference")
            problems = [result.problem for result in results.values() if result.problem]
        for sentence in problems:
            print(sentence, file=sys.stderr)
        failed = failed or bool(problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
