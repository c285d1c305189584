"""`dbt build` in this process, on a data directory: what became of it, and the file left free for the next step."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.database import connect
from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT, DataDir

if TYPE_CHECKING:
    from collections.abc import Iterator

# Unit tests examine the models, not the data: they cannot say anything new at night.
ARGUMENTS = ("build", "--exclude-resource-type", "unit_test")
BROKEN = ("error", "runtime error", "partial success")
# dbt's events that say how many nodes are finished, and their field that says of how many.
FINISHED = {"LogModelResult": "total", "LogSeedResult": "total", "LogTestResult": "num_models"}
SHOWN_FAILURES = 5


@dataclass
class Built:
    """What dbt did. `failed_tests` are tests of severity error that found something; `errors` has one sentence per node
    that could not be built or run, or the one that says why dbt did not begin. `counts` are of `models`, `seeds` and
    `tests`, and of nodes that `failed`, `warned`, were `skipped` or `broken`."""

    invocation_id: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    failed_tests: list[str] = field(default_factory=list)
    warned_tests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    run_results: Path | None = None

    @property
    def is_good(self) -> bool:
        return not self.errors and not self.failed_tests


def build(
    data: DataDir,
    project: Path = PRODUCT_ROOT,
    progress: Callable[[int, int], None] | None = None,
    arguments: tuple[str, ...] = ARGUMENTS,
) -> Built:
    """Run `dbt build` for the dbt project in directory `project`; `progress` gets the nodes done and in all.

    Raises IngestError where the database cannot be opened, waiting `database_wait_seconds` for another program.
    """
    connect(data).close()  # dbt would not wait, and would say it in ten lines
    from dbt.cli.main import dbtRunner  # takes seconds, and other commands do without

    with _environment(data, project), closed_connections():
        runner = dbtRunner(callbacks=[_counter(progress)] if progress else [])
        outcome = runner.invoke([*arguments, "--project-dir", str(project), "--quiet"])
        built = _read(outcome)
    target = Path(os.environ.get("DBT_TARGET_PATH") or project / "target")
    built.run_results = target / "run_results.json"
    return built


def _read(outcome: Any) -> Built:
    built = Built()
    results = getattr(outcome.result, "results", None)
    if results is None:
        text = str(outcome.exception or "dbt ended without a result").strip()
        built.errors.append(f"dbt did not begin: {text.splitlines()[0][:300]} (logs/dbt.log has the rest)")
        return built
    built.invocation_id = outcome.result.args.get("invocation_id") or _invocation_id()
    counts: Counter[str] = Counter()
    for result in results:
        kind, status = str(result.node.resource_type), str(result.status)
        if kind != "operation":  # a hook of the project
            counts[f"{kind}s"] += 1
        if status in ("fail", "warn", "skipped", *BROKEN):
            counts[{"fail": "failed", "warn": "warned", "skipped": "skipped"}.get(status, "broken")] += 1
        if status == "fail":
            built.failed_tests.append(result.node.name)
        elif status == "warn":
            built.warned_tests.append(result.node.name)
        elif status in BROKEN:
            message = (result.message or "no message").strip().splitlines()
            built.errors.append(f"{kind} {result.node.name}: {' '.join(message[:2])[:300]}")
    built.counts = dict(counts)
    return built


def _invocation_id() -> str:
    from dbt_common.invocation import get_invocation_id

    return str(get_invocation_id())


def _counter(progress: Callable[[int, int], None]) -> Callable[[Any], None]:
    """A callback for dbt's events that counts the nodes which are finished."""

    def on_event(event: Any) -> None:
        total = FINISHED.get(event.info.name)
        if total:
            with suppress(AttributeError):  # whatever a callback raises would be dbt's own failure
                progress(event.data.index, getattr(event.data, total))

    return on_event


@contextmanager
def _environment(data: DataDir, project: Path) -> Iterator[None]:
    """What dbt reads from the environment, for the time of the block."""
    changes = {
        "OPE_DATA_DIR": str(data.root),
        "DBT_PROFILES_DIR": os.environ.get("DBT_PROFILES_DIR") or str(project),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def closed_connections() -> Iterator[None]:
    """dbt keeps its connection until the process ends; the next step needs the file."""
    try:
        yield
    finally:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        environment = DuckDBConnectionManager._ENV
        DuckDBConnectionManager.close_all_connections()
        if environment is not None:
            with suppress(Exception):
                environment.close()
        del environment
        gc.collect()


def require_good(built: Built) -> None:
    """Raise IngestError with the first errors of a build that broke."""
    if built.errors:
        shown = "; ".join(built.errors[:SHOWN_FAILURES])
        more = f" (and {len(built.errors) - SHOWN_FAILURES} more)" if len(built.errors) > SHOWN_FAILURES else ""
        raise IngestError(f"dbt build failed: {shown}{more}. The next night tries again; logs/dbt.log has the rest.")
