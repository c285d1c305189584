"""Which tests run, and how they are shared out to processes: a file stays together, and so does the real corpus."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

CORPUS = "tests/corpus/"
# These take the longest: begun last, they would leave the other processes idle.
FIRST = (CORPUS, "tests/property/", "tests/end_to_end/")


class ByWarehouse(LoadScopeScheduling):
    """What is built for a file, or for the corpus, is built once."""

    def _split_scope(self, nodeid: str) -> str:
        return CORPUS if nodeid.startswith(CORPUS) else nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWarehouse:
    """Called where tests run in several processes (`--numprocesses`)."""
    return ByWarehouse(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run what takes minutes (marker `long`)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what takes long first, and skip what takes minutes, and say so, unless it is asked for."""
    items.sort(key=lambda item: next((n for n, place in enumerate(FIRST) if item.nodeid.startswith(place)), len(FIRST)))
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: make test-long"))
