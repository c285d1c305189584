"""The files of a history in the data directory: `git-metadata.json`, `git-problems.jsonl` and `git-state.json`.

Commits are added, marked and re-written one line at a time: of a file of any size only an index is held in memory.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

import orjson

from ingest.errors import IngestError, Problem
from ingest.files import disk_errors, fsync_directory, make_private_directory, write_atomically

STATE_VERSION = 1
STEP = "git"
HEAD, TAIL = b'{"commits":[\n', b"\n]}\n"
# The reflog follows the commits, one entry a line, where there is one.
REFLOG_HEAD = b'],"reflog":['

_UNKNOWN_TIME = datetime.min.replace(tzinfo=timezone.utc)
_FRACTION = re.compile(r"\.(\d+)")
_OFFSET = re.compile(r"(?<=:\d\d) *([+-]\d\d):?(\d\d)$")


@dataclass(frozen=True)
class HistoryResult:
    """What a history holds now: `commits` in the file, of them `new_commits` of this run and `unreachable` ones;
    texts and lines that were redacted in this run; everything that is odd, also from earlier runs."""

    commits: int
    new_commits: int
    unreachable: int
    redactions: int
    problems: list[Problem]


@dataclass
class Entry:
    """Where a commit's line stands (in the old file or among the new lines) and what may have to change in it."""

    sha: str
    parents: tuple[str, ...]
    instant: datetime
    source_ref: str | None
    is_reachable: bool | None
    is_boundary: bool
    offset: int
    length: int
    is_new: bool


@dataclass
class Changes:
    """What happens to one line of the old file besides staying as it is."""

    source_ref: str | None
    is_reachable: bool | None


@dataclass
class Store:
    """An open history: the old entries by commit, and a place beside the file for the new lines."""

    path: Path
    entries: dict[str, Entry]
    problems: list[Problem]
    _old: IO[bytes] | None
    _new: IO[bytes]
    changes: dict[str, Changes] = field(default_factory=dict)
    # what the file held when it was opened, and what it is to hold
    old_reflog: list[dict[str, Any]] = field(default_factory=list)
    reflog: list[dict[str, Any]] = field(default_factory=list)

    def add(self, commit: dict[str, Any]) -> None:
        """Keep a commit (whose texts are already redacted); one of the same name is replaced."""
        line = orjson.dumps(commit)
        offset = self._new.seek(0, os.SEEK_END)
        with disk_errors(self.path):
            self._new.write(line)
        self.entries[commit["sha"]] = _entry(commit, offset, len(line), is_new=True)
        self.changes.pop(commit["sha"], None)

    def mark(self, sha: str, *, source_ref: str | None, is_reachable: bool | None) -> None:
        """Say where a commit that stays was found this time."""
        entry = self.entries[sha]
        if (entry.source_ref, entry.is_reachable) != (source_ref, is_reachable):
            entry.source_ref, entry.is_reachable = source_ref, is_reachable
            self.changes[sha] = Changes(source_ref, is_reachable)

    def read(self, sha: str) -> dict[str, Any]:
        """The commit as it stands in the file."""
        return orjson.loads(self._line(self.entries[sha]))

    def write(self) -> None:
        """Replace the file: commits by the instant of their commit time, then by name; unchanged lines as they were."""
        is_same = not self.changes and not self.problems and not any(e.is_new for e in self.entries.values())
        if self._old and is_same and self.reflog == self.old_reflog:
            return
        order = sorted(self.entries.values(), key=lambda entry: (entry.instant, entry.sha))
        with disk_errors(self.path):
            descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=".tmp", dir=self.path.parent)
            try:
                with os.fdopen(descriptor, "wb") as target:
                    target.write(HEAD)
                    for number, entry in enumerate(order):
                        target.write(b",\n" if number else b"")
                        target.write(self._changed(entry))
                    if self.reflog:
                        target.write((b"\n" if order else b"") + REFLOG_HEAD + b"\n")
                        target.write(b",\n".join(orjson.dumps(entry) for entry in self.reflog))
                    target.write(TAIL if order or self.reflog else b"]}\n")
                    target.flush()
                    os.fsync(target.fileno())
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            fsync_directory(self.path.parent)

    def _changed(self, entry: Entry) -> bytes:
        line = self._line(entry)
        if entry.sha not in self.changes:
            return line
        commit = orjson.loads(line)
        change = self.changes[entry.sha]
        return orjson.dumps(
            with_marks(commit, change.source_ref, change.is_reachable, is_boundary=commit.get("is_boundary") is True)
        )

    def _line(self, entry: Entry) -> bytes:
        source = self._new if entry.is_new else self._old
        if source is None:
            raise AssertionError("an entry of a file that does not exist")
        source.seek(entry.offset)
        return source.read(entry.length)


def with_marks(
    commit: dict[str, Any], source_ref: str | None, is_reachable: bool | None, *, is_boundary: bool
) -> dict[str, Any]:
    """The commit with its optional keys at the end, in their fixed order; what is not known has no key."""
    kept = {key: value for key, value in commit.items() if key not in ("source_ref", "is_reachable", "is_boundary")}
    if source_ref is not None:
        kept["source_ref"] = source_ref
    if is_reachable is not None:
        kept["is_reachable"] = is_reachable
    if is_boundary:
        kept["is_boundary"] = True
    return kept


def parse_instant(text: object) -> datetime | None:
    """An ISO 8601 time as an instant in UTC. None if it is none."""
    moment = parse_time(text)
    try:
        return moment and moment.astimezone(timezone.utc)
    except OverflowError:
        return None


def parse_time(text: object) -> datetime | None:
    """An ISO 8601 time (also as `git log` prints it) with its own offset; without one it is UTC. None if it is none."""
    if not isinstance(text, str):
        return None
    text = text.strip()
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    # Python 3.10 reads only three or six digits after the point.
    text = _FRACTION.sub(lambda match: "." + match[1][:6].ljust(6, "0"), text)
    text = _OFFSET.sub(r"\1:\2", text)
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except ValueError:
        return None


@contextmanager
def opened_store(path: Path) -> Iterator[Store]:
    """Read the index of the history at `path` (which may not exist yet). Lines that are no commit become problems."""
    with disk_errors(path):
        make_private_directory(path.parent)
        old = path.open("rb") if path.exists() else None
        try:
            with tempfile.TemporaryFile(dir=path.parent, prefix=f".{path.name}.") as new:
                problems: list[Problem] = []
                reflog: list[dict[str, Any]] = []
                entries = _index(path, old, problems, reflog) if old else {}
                yield Store(path, entries, problems, old, new, old_reflog=reflog, reflog=list(reflog))
        finally:
            if old:
                old.close()


def _index(path: Path, source: IO[bytes], problems: list[Problem], reflog: list[dict[str, Any]]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    offset = 0
    is_reflog = False
    for number, line in enumerate(source, start=1):
        text = line.strip().rstrip(b",")
        if text == REFLOG_HEAD:
            is_reflog = True
        elif is_reflog:
            # one that is broken is written anew from the repository
            with suppress(ValueError):
                reflog.append(orjson.loads(text))
        elif text and text not in (HEAD.strip(), b"]}", b"]"):
            try:
                commit = orjson.loads(text)
                entry = _entry(commit, offset + line.index(text[:1]), len(text), is_new=False)
                entries.setdefault(entry.sha, entry)
            except (ValueError, KeyError, TypeError, AttributeError):
                problems.append(Problem(STEP, path.name, "malformed commit", "not kept in the next version", number))
        offset += len(line)
    return entries


def _entry(commit: dict[str, Any], offset: int, length: int, *, is_new: bool) -> Entry:
    return Entry(
        sha=commit["sha"],
        parents=tuple(commit.get("parents") or ()),
        instant=parse_instant(commit.get("committed_at")) or _UNKNOWN_TIME,
        source_ref=commit.get("source_ref"),
        is_reachable=commit.get("is_reachable"),
        is_boundary=commit.get("is_boundary") is True,
        offset=offset,
        length=length,
        is_new=is_new,
    )


def state_path(output: Path) -> Path:
    return output.with_name("git-state.json")


def problems_path(output: Path) -> Path:
    return output.with_name("git-problems.jsonl")


def read_state(output: Path) -> dict[str, Any]:
    """What the last run left; empty if there was none, if it was of another version, or if the output changed since."""
    try:
        state = orjson.loads(state_path(output).read_bytes())
        is_current = state["version"] == STATE_VERSION and state["output_bytes"] == output.stat().st_size
        return state if is_current else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write_state(output: Path, **values: Any) -> None:
    """Remember what the output was made of. To be written last: without it the next run looks at everything again."""
    state = {"version": STATE_VERSION, "output_bytes": output.stat().st_size, **values}
    write_atomically(state_path(output), json.dumps(state, indent=1, sort_keys=True).encode() + b"\n")


def read_problems(output: Path) -> list[tuple[str | None, Problem]]:
    """(commit or None, problem) of the runs before. A broken line is left out: the run that writes next replaces it."""
    found: list[tuple[str | None, Problem]] = []
    try:
        lines = problems_path(output).read_bytes().splitlines()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise IngestError(f"{problems_path(output)} cannot be read ({error.strerror}): check its owner.") from error
    for line in lines:
        try:
            record = orjson.loads(line)
            commit = record.pop("commit", None)
            found.append((commit, Problem(**record)))
        except (ValueError, TypeError, AttributeError):
            continue
    return found


def write_problems(output: Path, problems: Iterable[tuple[str | None, Problem]]) -> None:
    """One JSON line per problem, sorted, so that an unchanged repository gives an unchanged file."""
    lines = sorted({orjson.dumps({"commit": commit, **asdict(problem)}) for commit, problem in problems})
    data = b"".join(line + b"\n" for line in lines)
    path = problems_path(output)
    if data or path.exists():
        write_atomically(path, data)
