"""The place is made, read and filled once; each test has a copy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.forgetting.forget_place import ForgetPlace


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> ForgetPlace:
    """Synced, built, published. Copy it, never change it."""
    place = ForgetPlace(tmp_path_factory.mktemp("forget") / "place").make()
    place.night()
    place.spread()
    place.sync()
    return place


@pytest.fixture
def place(filled: ForgetPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ForgetPlace:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return filled.copy(tmp_path / "place")
