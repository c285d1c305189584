"""One command at a time on a data directory, and who it is.

The lock is `flock` on `data/runs` and ends with its process, so none can be left behind. `data/runs/lock.json` says who
holds it; where it is there and the lock is free, its process was killed. On file systems without locks that file alone
decides, by whether its process still runs.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import orjson

from ingest.errors import IngestError
from ingest.files import LockHeldError, exclusive_lock, printable, write_atomically
from ingest.paths import DataDir
from ingest.runlog import now

HOLDER = "lock.json"
# Files that are written beside the one that they replace, where such are: of everything in the data directory but the
# archived sessions, which have a place of their own for it.
UNFINISHED = (".*.tmp", ".*.tmp.wal")
UNFINISHED_PLACES = ("", "runs/", "raw/*/", "processed/*/", "validation/", "validation/*/")
UNFINISHED_SECONDS = 3600

# Of a repository on another machine, while it was read.
UNFINISHED_TREES = "processed/*/.repository.tmp"

# What this process holds: a command may call others that take the same lock.
_held: set[Path] = set()


@dataclass(frozen=True)
class Holder:
    """Who holds a data directory: what it does (`sync`), its process and machine, and since when (UTC, ISO)."""

    command: str
    pid: int
    host: str
    started_at: str

    def __str__(self) -> str:
        where = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"`{self.command}`, process {self.pid}{where}, since {self.started_at} UTC"


@contextmanager
def data_lock(data: DataDir, command: str) -> Iterator[Holder | None]:
    """Hold the data directory for this process; inside of it, taking it again is free.

    Yields the holder that was killed while it held it, None where there was none. Raises IngestError, with the holder's
    name, where another process has it.
    """
    directory = data.runs.resolve()
    if directory in _held:
        yield None
        return
    try:
        with exclusive_lock(data.runs, "this data directory") as is_locked:
            killed = read_holder(data)
            if killed and not is_locked and _is_running(killed):
                raise _held_by(killed, data)
            write_atomically(data.runs / HOLDER, orjson.dumps(asdict(_this_process(command))))
            _held.add(directory)
            try:
                if is_locked:
                    remove_unfinished(data)
                yield killed
            finally:
                _held.discard(directory)
                with suppress(OSError):
                    (data.runs / HOLDER).unlink()
    except LockHeldError as error:
        if error.directory != data.runs:
            raise
        raise _held_by(read_holder(data), data) from error


def remove_unfinished(data: DataDir) -> None:
    """Delete the half-written files and the fetched repositories of commands that were killed.

    Called with the lock held, when nobody else can be writing one. Labels are written under locks of their own: of what
    lies beside them only what is old counts.
    """
    for tree in data.root.glob(UNFINISHED_TREES):
        if not tree.is_symlink():
            shutil.rmtree(tree, ignore_errors=True)
    oldest = time.time() - UNFINISHED_SECONDS
    for place, name in product(UNFINISHED_PLACES, UNFINISHED):
        for path in data.root.glob(place + name):
            # what cannot be looked at or deleted is in nobody's way
            with suppress(OSError):
                state = path.lstat()
                if stat.S_ISREG(state.st_mode) and (not place.startswith("validation") or state.st_mtime < oldest):
                    path.unlink()


def read_holder(data: DataDir) -> Holder | None:
    """Who holds the data directory, or held it when it was killed. A damaged file says nothing."""
    try:
        document = orjson.loads((data.runs / HOLDER).read_bytes())
        return Holder(
            str(document["command"]), int(document["pid"]), str(document["host"]), str(document["started_at"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _held_by(holder: Holder | None, data: DataDir) -> IngestError:
    who = f" ({holder})" if holder else ""
    where = printable(str(data.root))
    return IngestError(f"Another command{who} is using this data directory, {where}: wait for its end and try again.")


def _this_process(command: str) -> Holder:
    return Holder(command, os.getpid(), socket.gethostname(), now().isoformat(timespec="seconds"))


def _is_running(holder: Holder) -> bool:
    """Is the process still there? Of another machine's nobody can tell: then it is."""
    if holder.host != socket.gethostname():
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return holder.pid != os.getpid()
