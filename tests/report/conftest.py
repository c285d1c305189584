"""The report of the bundled sample, written once, and places to change a copy of its warehouse."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from ingest.paths import DataDir
from ingest.report import Scope, charts, write_report
from tests.end_to_end.conftest import sample_warehouse as sample_warehouse
from tests.report.reading import Page, read_page
from tests.warehouse import Warehouse


@dataclass(frozen=True)
class Place:
    """A data directory with a warehouse of its own, and where its report goes."""

    data: DataDir

    def change(self, *statements: str) -> None:
        with duckdb.connect(str(self.data.database)) as connection:
            for statement in statements:
                connection.execute(statement)

    def report(self, scope: Scope = Scope()) -> Page:  # noqa: B008  # frozen
        return read_page(Path(write_report(self.data, scope).path))


@pytest.fixture(scope="session")
def sample_page(sample_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of the sample. The sample's own data directory is only read."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    write_report(DataDir(sample_warehouse.data), Scope(), out)
    return read_page(out)


@pytest.fixture
def copy(sample_warehouse: Warehouse, tmp_path: Path) -> Place:
    """A copy of the sample's warehouse, to be changed."""
    data = DataDir(tmp_path / "data")
    data.root.mkdir()
    shutil.copy2(sample_warehouse.database, data.database)
    return Place(data)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pictures, which take the most time."""
    monkeypatch.setattr(charts, "draw", lambda *_, **__: None)
