"""What makes a sync cheap enough to be tried hundreds of times."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb
import pytest

from ingest import landing, sync
from ingest.database import raw_schema_ddl
from ingest.paths import DataDir
from ingest.redaction import Redactor, load_or_create_key


class Memory:
    """Databases in memory, one for each data directory: the same tables and statements without a file."""

    def __init__(self) -> None:
        self.connections: dict[Path, duckdb.DuckDBPyConnection] = {}

    def connection(self, data: DataDir) -> duckdb.DuckDBPyConnection:
        if data.root not in self.connections:
            connection = duckdb.connect(":memory:", config={"threads": 1})
            connection.execute("set timezone = 'UTC'")
            connection.execute(raw_schema_ddl())
            self.connections[data.root] = connection
        return self.connections[data.root]

    @contextmanager
    def opened(self, data: DataDir) -> Iterator[duckdb.DuckDBPyConnection]:
        yield self.connection(data)

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """Databases in memory, rules that are read once, and no waiting for the disk."""
    made = Memory()

    @cache
    def redactor(key: bytes) -> Redactor:
        return Redactor.load(key)

    monkeypatch.setattr(landing, "opened", made.opened)
    monkeypatch.setattr(sync, "opened", made.opened)
    monkeypatch.setattr(sync, "load_redactor", lambda data: redactor(load_or_create_key(data.redaction_key)))
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    # DuckDB looks for it at every statement with parameters
    monkeypatch.setitem(sys.modules, "pandas", None)
    yield made
    made.close()
