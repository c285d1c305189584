"""A warehouse to test with: a data directory and a copy of the dbt project of its own, driven as a user drives them."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from ingest.paths import PRODUCT_ROOT
from tests.processes import run_command
from tools.unchanged import Content, operations_relations, read_contents

PROJECT_PARTS = (
    *("dbt_project.yml", "profiles.yml", "models", "seeds", "macros"),
    *("tests/generic", "tests/staging", "tests/intermediate", "tests/marts"),
)

# The directory of a warehouse with the sample, if one is built already: `make test` does so before it calls pytest.
BUILT = os.environ.get("OPE_BUILT_SAMPLE", "")
PARSE_NAME = "partial_parse.msgpack"
PARSES = tempfile.TemporaryDirectory(prefix="ope-parse-")
# Tests run in two processes: more threads in each only wait for each other.
THREADS = ("--threads", "2")
# For `build`: no data tests, where another build runs them or only some models are wanted.
WITHOUT_TESTS = ("--exclude-resource-type", "test")


def copy_project(target: Path) -> None:
    """Copy the parts of the dbt project to `target`, in place of those of an earlier copy."""
    for part in PROJECT_PARTS:
        source, copy = PRODUCT_ROOT / part, target / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy)
        else:
            shutil.copy2(source, copy)


@dataclass(frozen=True)
class Warehouse:
    """`data`: a data directory (made on first use). `project`: a dbt project that may be edited freely."""

    project: Path
    data: Path

    @classmethod
    def at(cls, directory: Path) -> Warehouse:
        """The one whose project and data are in `directory`, made or not."""
        return cls(directory / "project", directory / "data")

    @classmethod
    def make(cls, directory: Path) -> Warehouse:
        """Copy the dbt project below `directory`, with an empty data directory beside it."""
        warehouse = cls.at(directory)
        copy_project(warehouse.project)
        warehouse.data.mkdir()
        (warehouse.project / "target").mkdir()
        shutil.copy2(parsed(), warehouse.project / "target" / PARSE_NAME)
        return warehouse

    @staticmethod
    def original(part: str) -> Path:
        """A file of the dbt project as it is in the clone."""
        return PRODUCT_ROOT / part

    @property
    def database(self) -> Path:
        return self.data / "ope.db"

    def ingest(self, *arguments: str) -> str:
        """Run `python -m ingest …`; its standard output. Fails with what it printed."""
        return self._run("ingest", [*arguments], PRODUCT_ROOT)

    def build(self, *arguments: str) -> str:
        """Run `dbt build …` on the copy of the project, without unit tests; what dbt printed."""
        command = ["--no-use-colors", "build", *THREADS, "--exclude-resource-type", "unit_test", *arguments]
        return self.dbt(*command)

    def dbt(self, *arguments: str) -> str:
        """Run a dbt command on the copy of the project; what dbt printed."""
        return self._run("dbt", [*arguments], self.project)

    def _run(self, program: str, arguments: list[str], directory: Path) -> str:
        environment = os.environ | {
            # for dbt relative, so that the profile is the same in every warehouse, and a parse of it fits all of them
            "OPE_DATA_DIR": os.path.relpath(self.data, directory) if directory == self.project else str(self.data),
            "DBT_PROFILES_DIR": str(self.project),
            "DBT_TARGET_PATH": str(self.project / "target"),
            # what dbt writes to its log takes an eighth of a build, and what it prints is enough here
            "DBT_LOG_PATH": str(self.project / "logs"),
            "DBT_LOG_LEVEL_FILE": "none",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
            "NO_COLOR": "1",
        }
        done = run_command(program, arguments, directory, environment)
        command = " ".join([program, *arguments])
        assert done.code == 0, f"{command} failed:\n{done.output[-4000:]}\n{done.errors[-4000:]}"
        return done.output

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse, opened read-only for its time."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def contents(self) -> dict[str, Content]:
        """Content of every relation of all layers; not those of operations, and the registry without its own dates."""
        registry = {"main.projects", "staging.stg_registry__projects"}
        excluded = operations_relations(self.project / "target" / "manifest.json") | registry
        projects = self.query("select columns(c -> c != 'added_at') from projects order by all")
        return read_contents(self.database, excluded) | {"main.projects": Content(len(projects), repr(projects))}


@cache
def parsed() -> Path:
    """dbt's parse of the project: a parse takes as long as a small build. dbt compares the files with it and parses
    what differs. It is that of a copy which nobody edits, because dbt reads a seed where it was parsed."""
    warehouse = Warehouse.at(Path(BUILT or PARSES.name))
    if not BUILT:
        copy_project(warehouse.project)
        warehouse.data.mkdir()
        warehouse.dbt("--quiet", "parse")
    return warehouse.project / "target" / PARSE_NAME
