"""Which tests run, and in which order: what takes longest first.

Three kinds: what `make test` runs; `slow`, what takes more than some ten seconds (whole warehouses, the real corpus)
and runs with `make test STEPS=all`, as continuous integration does; `long`, what takes minutes (`make test-long`).
"""

from __future__ import annotations

import pytest

CORPUS = "tests/corpus/"
PROPERTY = "tests/property/"
# All of them build whole warehouses.
SLOW = (CORPUS, PROPERTY)
# These take the longest: begun last, they would leave the other processes idle.
FIRST = (CORPUS, PROPERTY, "tests/end_to_end/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run what takes more than some seconds (marker `slow`)")
    parser.addoption(
        "--long", action="store_true", help="also run what takes minutes (marker `long`), and what is slow"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first, and leave out what is slow or takes minutes unless it is asked for."""
    items.sort(key=lambda item: next((n for n, place in enumerate(FIRST) if item.nodeid.startswith(place)), len(FIRST)))
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    if config.getoption("--long"):
        return
    left_out = ("long",) if config.getoption("--slow") else ("long", "slow")
    deselected = [item for item in items if any(item.get_closest_marker(mark) for mark in left_out)]
    items[:] = [item for item in items if item not in set(deselected)]
    config.hook.pytest_deselected(items=deselected)
