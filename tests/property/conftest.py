"""What makes a sync cheap enough to be tried hundreds of times."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from ingest import exclusion, landing, registry, sync
from ingest.database import raw_schema_ddl
from ingest.paths import DataDir
from ingest.redaction import Redactor, load_or_create_key
from tests.property.world import redactor_of


class Memory:
    """Databases in memory, one for each data directory: the same tables and statements without a file."""

    def __init__(self) -> None:
        self.connections: dict[Path, duckdb.DuckDBPyConnection] = {}
        self.empty: list[duckdb.DuckDBPyConnection] = []

    def connection(self, data: DataDir) -> duckdb.DuckDBPyConnection:
        if data.root not in self.connections:
            self.connections[data.root] = self.empty.pop() if self.empty else self._new()
        return self.connections[data.root]

    @staticmethod
    def _new() -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.execute("set timezone = 'UTC'")
        connection.execute(raw_schema_ddl())
        return connection

    def forget(self) -> None:
        """No data directory has a database any more."""
        for connection in self.connections.values():
            for (table,) in connection.execute(
                "select table_name from duckdb_tables() where table_name != 'schema_versions'"
            ).fetchall():
                connection.execute(f"delete from raw.{table}")
        self.empty += self.connections.values()
        self.connections.clear()

    @contextmanager
    def opened(self, data: DataDir) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self.connection(data)

    def close(self) -> None:
        for connection in [*self.connections.values(), *self.empty]:
            connection.close()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """Databases in memory, rules that are read once, a registry that is not validated, and no waiting for the disk."""
    made = Memory()

    def load_redactor(data: DataDir) -> Redactor:
        return redactor_of(load_or_create_key(data.redaction_key))

    monkeypatch.setattr(landing, "opened", made.opened)
    monkeypatch.setattr(sync, "opened", made.opened)
    monkeypatch.setattr(sync, "load_redactor", load_redactor)
    monkeypatch.setattr(exclusion, "load_redactor", load_redactor)
    monkeypatch.setattr(registry, "_validate", lambda document, path: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    # DuckDB looks for it at every statement with parameters
    monkeypatch.setitem(sys.modules, "pandas", None)
    yield made
    made.close()
