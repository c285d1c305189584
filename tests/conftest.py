"""How tests are shared out to processes: a file stays together, and all that use the real corpus do."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = Path(__file__).parent / "corpus"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the group of its file, so that what a file builds is built once (`--dist loadgroup`)."""
    for item in items:
        group = "corpus" if item.path.is_relative_to(CORPUS) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
