"""Two machines, and one redactor for both."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.merging import merge
from ingest.redaction import Redactor
from tests.merging.machine import Machine


@pytest.fixture(autouse=True)
def _one_redactor(monkeypatch: pytest.MonkeyPatch, redactor: Redactor) -> None:
    """Its rules take longer to compile than a test takes."""
    monkeypatch.setattr(merge, "load_redactor", lambda data: redactor)
    monkeypatch.setattr("ingest.sync.load_redactor", lambda data: redactor)


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor.load(b"k" * 32)


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "there")
