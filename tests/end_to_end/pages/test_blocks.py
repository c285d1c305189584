"""Every command block and every query of README, CONTRIBUTING and docs/ runs on the sample and prints what the page
shows, to the letter; what does not run says why. `python -m tools.page_outputs --list` counts them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import click
import pytest

from ingest.cli import main
from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse
from tools.page_outputs import problem
from tools.pages.blocks import NOTES, Block, all_blocks, page_paths
from tools.pages.running import Result, run_page
from tools.pages.world import World

PAGES = {path.relative_to(PRODUCT_ROOT).as_posix(): blocks for path, blocks in all_blocks(page_paths()).items()}
BLOCKS = [block for blocks in PAGES.values() for block in blocks]
Results = dict[Block, Result]


@pytest.fixture(scope="module")
def ran(sample_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Results]:
    """The results of a page's blocks: it is run in a world of its own, when the first of them is asked for."""

    @cache
    def results(page: str) -> Results:
        return run_page(PAGES[page], World(tmp_path_factory.mktemp("page").resolve(), sample_warehouse.database))

    return results


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.runs], ids=lambda block: block.name)
def test_block(ran: Callable[[str], Results], block: Block) -> None:
    assert problem(block, ran(block.page)[block]) == ""


def test_what_does_not_run_says_why() -> None:
    reasons = {block.name: block.note("not run") or "" for block in BLOCKS if block.note("not run") is not None}
    assert [name for name, reason in reasons.items() if len(reason.split()) < 3] == []
    assert [block.name for block in BLOCKS if not block.can_run and block.note("not run") is not None] == []
    assert 3 * len(reasons) < sum(block.runs for block in BLOCKS), "most of what the pages say has to be tried"


def test_notes_are_those_that_mean_something() -> None:
    assert [(block.name, name) for block in BLOCKS for name, _ in block.notes if name not in NOTES] == []
    read = sum(len(block.notes) for block in BLOCKS)
    written = sum(len(re.findall(r"^<!-- [a-z ]+: .*-->$", path.read_text(), re.MULTILINE)) for path in page_paths())
    inner = sum(block.text.count("<!-- ") for block in BLOCKS)
    assert read == written - inner, "a note stands on a line of its own right above its block"


def test_a_query_shows_its_answer_or_says_why_not() -> None:
    queries = [block for block in BLOCKS if block.is_query and block.runs and not block.text.startswith("copy")]
    assert [block.name for block in queries if (block.shown is None) != (block.note("silent") is not None)] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_running_text_exist(page: str) -> None:
    text = (PRODUCT_ROOT / page).read_text(encoding="utf-8")
    for named in re.findall(r"`(?:\.venv/bin/)?python -m ingest ([a-z-]+)(?: ([a-z-]+))?", text):
        command = main.commands.get(named[0])
        assert command, f"there is no command {named[0]}"
        if isinstance(command, click.Group) and named[1]:
            assert named[1] in command.commands, f"there is no command {' '.join(named)}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = PRODUCT_ROOT / page
    found = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text(encoding="utf-8"))
    for target, anchor in found:
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{page} links to {target}"
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {anchor_of(heading) for heading in headings}, f"{page} links to {target}#{anchor}"


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
