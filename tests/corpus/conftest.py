"""The real corpus: `OPE_CORPUS_DIR/entire-cli` with sessions.tar.xz and git-metadata.json. Skipped without it."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from tests.warehouse import Warehouse


@pytest.fixture(scope="session")
def corpus_directory() -> Path:
    """Directory with the corpus's files."""
    configured = os.environ.get("OPE_CORPUS_DIR", "")
    if not configured:
        pytest.skip("OPE_CORPUS_DIR is not set: no real corpus to test with")
    directory = Path(configured) / "entire-cli"
    if not directory.is_dir():
        pytest.skip(f"no real corpus in {directory}")
    return directory


@pytest.fixture(scope="session")
def sessions_directory(corpus_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sessions (some 370 MB)."""
    target = tmp_path_factory.mktemp("corpus")
    with tarfile.open(corpus_directory / "sessions.tar.xz") as archive:
        archive.extractall(target, filter="data")
    return target / "projects"


@pytest.fixture(scope="session")
def whole_warehouse(
    corpus_directory: Path, sessions_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    """The corpus, archived, landed and built in one go. Read it, never change it."""
    warehouse = Warehouse.make(tmp_path_factory.mktemp("whole"))
    register(warehouse, sessions_directory, corpus_directory)
    warehouse.ingest("sync")
    warehouse.build()
    return warehouse


def register(warehouse: Warehouse, sessions: Path, corpus: Path) -> None:
    """Register the corpus as project `entire-cli`."""
    warehouse.ingest(
        *("add-project", "--name", "Entire CLI", "--id", "entire-cli"),
        *("--sessions", str(sessions), "--git-metadata", str(corpus / "git-metadata.json")),
    )
