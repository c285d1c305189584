"""The place is made and read once; each test has a copy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cold.cold_place import ColdPlace


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> ColdPlace:
    """Synced and built. Copy it, never change it."""
    place = ColdPlace(tmp_path_factory.mktemp("cold") / "place").make()
    place.night()
    return place


@pytest.fixture
def place(prepared: ColdPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ColdPlace:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return prepared.copy(tmp_path / "place")
