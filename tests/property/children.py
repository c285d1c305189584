"""Steps in a process of their own that may be killed, forked from one that has imported everything already."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.processes import SERVER
from tests.property.plans import Kill

# Calls that change what is on the disk: before each of them a process may be killed, and within a write.
CALLS = ("write", "fsync", "ftruncate", "replace", "mkdir", "unlink", "rmdir")
SECONDS = 600


@dataclass(frozen=True)
class Ended:
    """How a child ended: `code` as of `multiprocessing` (negative: killed by that signal), and what it printed.

    `points` at which it could have been killed, and `seconds` of processor time: only of one that came to its end.
    """

    code: int
    points: int
    seconds: float
    printed: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def run(step: str, data: Path, project: Path, arguments: tuple[str, ...] = (), kill: Kill | None = None) -> Ended:
    """Run a step (a key of STEPS) to its end, or as far as `kill` lets it come."""
    log = data.parent / "child.log"
    count = data.parent / "child.points"
    count.write_text("0 0")
    child = SERVER.Process(
        target=_child, args=(step, data, project, arguments, kill.point if kill else None, log, count, sys.path)
    )
    child.start()
    _wait(child, (kill and kill.seconds) or 0)
    assert child.exitcode is not None
    points, seconds = count.read_text().split()
    return Ended(child.exitcode, int(points), float(seconds), log.read_text(errors="replace"))


def _wait(child: BaseProcess, seconds: float) -> None:
    child.join(seconds or SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
        assert seconds, f"still at work after {SECONDS} seconds"


def _child(
    step: str,
    data: Path,
    project: Path,
    arguments: tuple[str, ...],
    point: int | None,
    log: Path,
    count: Path,
    path: list[str],
) -> None:
    sys.path[:] = path
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    points = Points(point)
    try:
        code = 0 if STEPS[step](data, project, arguments, points) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    points.stop()
    count.write_text(f"{points.passed} {time.process_time()}")
    # threads of dbt and DuckDB have nothing left to say
    os._exit(code)


class Points:
    """Counts the calls that change something; at the given one the process is killed."""

    def __init__(self, deadly: int | None) -> None:
        self.deadly, self.passed, self.is_counting = deadly, 0, False

    def start(self, *calls: str) -> None:
        """From now on every call of these functions of `os`, and every statement of DuckDB, is a point."""
        import duckdb

        for name in calls:
            setattr(os, name, self._counted(name, getattr(os, name)))
        real = duckdb.connect
        duckdb.connect = lambda *arguments, **options: _Connection(real(*arguments, **options), self)  # type: ignore
        self.is_counting = True

    def stop(self) -> None:
        self.is_counting = False

    def passing(self) -> None:
        if not self.is_counting:
            return
        if self.passed == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(SECONDS)  # other threads may run on for an instant, this one does not
        self.passed += 1

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if name == "write" and self.is_counting and self.passed == self.deadly and len(arguments[1]) > 1:
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            self.passing()
            return real(*arguments, **options)

        return call


class _Connection:
    """A connection to DuckDB of which every statement is a point."""

    def __init__(self, real: Any, points: Points) -> None:
        self._real, self._points = real, points

    def execute(self, *arguments: Any) -> Any:
        self._points.passing()
        return self._real.execute(*arguments)

    def cursor(self) -> _Connection:
        return _Connection(self._real.cursor(), self._points)

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _sync(data: Path, project: Path, arguments: tuple[str, ...], points: Points) -> bool:
    from ingest.paths import DataDir
    from ingest.sync import sync

    points.start(*CALLS)
    return not sync(DataDir(data)).failed


def _publish(data: Path, project: Path, arguments: tuple[str, ...], points: Points) -> bool:
    from ingest.paths import DataDir
    from ingest.publishing import publish

    # without data tests no gate would let anything out
    publish.reasons_to_withhold = lambda connection: []  # type: ignore[assignment]
    points.start(*CALLS)
    return bool(publish.publish(DataDir(data)).tables)


def _build(data: Path, project: Path, arguments: tuple[str, ...], points: Points) -> bool:
    os.environ |= {
        # relative, so that the profile is the same in every warehouse, and a parse of it fits all of them
        "OPE_DATA_DIR": os.path.relpath(data, project),
        "DBT_PROFILES_DIR": str(project),
        "DBT_TARGET_PATH": str(project / "target"),
        "DBT_LOG_PATH": str(project / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    }
    os.chdir(project)
    from dbt.cli.main import dbtRunner

    points.start()  # statements only: what dbt writes besides is no part of the warehouse
    quiet = ["--log-level", "error", "--log-level-file", "none", "--no-use-colors", "--no-write-json"]
    kinds = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
    outcome = dbtRunner().invoke([*quiet, "build", *kinds, *arguments])
    if outcome.exception:
        print(outcome.exception)
    return outcome.success


STEPS: dict[str, Callable[[Path, Path, tuple[str, ...], Points], bool]] = {
    "sync": _sync,
    "build": _build,
    "publish": _publish,
}


def points_of(total: int, wanted: int, chance: random.Random) -> list[int]:
    """So many points of a step with `total` of them, spread over it."""
    return sorted(chance.sample(range(total), min(wanted, total)))
