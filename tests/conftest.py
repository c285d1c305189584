"""How tests are shared out to processes: a file stays together, and all that use the real corpus do."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

CORPUS = "tests/corpus/"


class ByWarehouse(LoadScopeScheduling):
    """What is built for a file, or for the corpus, is built once."""

    def _split_scope(self, nodeid: str) -> str:
        return CORPUS if nodeid.startswith(CORPUS) else nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWarehouse:
    """Called where tests run in several processes (`--numprocesses`)."""
    return ByWarehouse(config, log)
