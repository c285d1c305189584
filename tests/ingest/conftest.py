"""Fixtures of several files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.paths import DataDir
from ingest.registry import save_projects
from tests.ingest.archive_place import Place
from tests.ingest.correlation_place import build
from tests.ingest.git_tools import Work
from tests.ingest.landing_place import project
from tests.ingest.shell import Shell


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch):
    """`fsync` matters when the power fails, which no test can show; it only makes these slow."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def place(tmp_path, no_waiting_for_the_disk) -> Place:
    return Place(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """A data directory in which the project `one` is registered."""
    data = DataDir(tmp_path / "data")
    save_projects(data, [project("one")])
    return data


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path.resolve())


@pytest.fixture
def synced(shell: Shell) -> Shell:
    shell.make_repository()
    shell.write_session("s1")
    shell.run("add-project", "--name", "My App", "--repo", str(shell.repository))
    shell.run("sync")
    return shell


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """A repository to make commits in."""
    return Work(tmp_path / "a repository")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where its git-metadata.json goes."""
    return tmp_path / "processed" / "git-metadata.json"


@pytest.fixture
def marts(data: DataDir) -> DataDir:
    """A data directory in which the marts of links are built."""
    build(data)
    return data


@pytest.fixture
def built(shell: Shell) -> Shell:
    """The same, to run commands in."""
    place = DataDir(shell.data)
    save_projects(place, [project("one")])
    build(place)
    return shell
