"""The place is made, read and filled once; each test has a copy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingest.redaction import Redactor
from tests.forgetting.forget_place import ForgetPlace


@pytest.fixture(scope="module", autouse=True)
def _rules_compiled_once() -> Iterator[None]:
    """They take longer to compile than a test takes."""
    real = Redactor.load
    compiled = cache(real)

    def load(key: bytes, *further: Any, **named: Any) -> Redactor:
        return real(key, *further, **named) if further or named else compiled(key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Redactor, "load", staticmethod(load))
        yield


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
