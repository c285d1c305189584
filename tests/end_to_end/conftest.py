"""The bundled sample: that of `make test`, or built once per test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.sample import write_sample
from tests.warehouse import BUILT, Warehouse


@pytest.fixture(scope="session")
def sample_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The sample, archived, landed and built in one go. Read it, never change it."""
    if BUILT:
        return Warehouse.at(Path(BUILT))
    directory = tmp_path_factory.mktemp("sample")
    paths = write_sample(directory / "source")
    warehouse = Warehouse.make(directory)
    register_sample(warehouse, paths.projects, paths.repository)
    warehouse.ingest("sync")
    warehouse.build()
    return warehouse


def register_sample(warehouse: Warehouse, sessions: Path, repository: Path) -> None:
    """Register the sample as `make build` does."""
    warehouse.ingest(
        *("add-project", "--name", "Tidebook", "--id", "tidebook"),
        *("--repo", str(repository), "--sessions", str(sessions)),
    )
