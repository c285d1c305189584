"""Histories and sessions as no tool would write them: what an import, a broken clock or a liar can leave behind."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ingest.fingerprint import line_fingerprint
from tests.end_to_end.odd_files import write_lines
from tests.end_to_end.odd_records import Record, answer, assistant, call, user

REPOSITORY = "/home/sam/code/odd"
SAME_LINE = "the same line again"
UNKNOWN_IDS = 1000
NAMES_ONE = "Claude-Session: odd-named-1"
LARGE_MESSAGE = "Say it\n\n" + "* wip\n* Say more\n" * 60_000
ESCAPE = "\x1b[31mred\x1b[0m \u202e 100% '; drop table commits; --"
_numbers = itertools.count(1)

Commit = dict[str, Any]


def sha_of(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def lines_of(name: str, count: int) -> list[str]:
    return [f"line {number} of {name}" for number in range(count)]


def commit(name: str, added: Iterable[str] | None = (), path: str | None = None, **fields: Any) -> Commit:
    """A commit of its own lines at noon of 2 January 2026; `added` None: without fingerprints. A field None: no key."""
    prints = None if added is None else [found for line in added if (found := line_fingerprint(line))]
    file = {"path": path or f"src/{name}.py", "status": "modified", "insertions": 9, "deletions": 0}
    file |= {"added_line_hashes": prints, "removed_line_hashes": None if prints is None else []}
    base: Commit = {
        "sha": sha_of(name),
        "parents": [],
        "author_name": "Ada",
        "author_email": "ada@example.org",
        "authored_at": "2026-01-02T12:00:00+00:00",
        "committed_at": "2026-01-02T12:00:00+00:00",
        "message": f"Add what {name} is for",
        "source_ref": "refs/heads/main",
        "files": [file],
    }
    return {key: value for key, value in (base | fields).items() if value is not None}


def wrote(
    name: str, lines: Iterable[str], at: str | None = "2026-01-02T11:00:00Z", cwd: Any = REPOSITORY
) -> list[Record]:
    """A session that was asked and wrote the file of the commit `name`; `at` None: none of its records has a time."""
    identity = f"call-{next(_numbers)}"
    path = name if name.startswith(("/", "C:", "\\")) else f"{REPOSITORY}/src/{name}.py"
    place = {"timestamp": at, "cwd": cwd}
    records = [
        user(f"please write {name}", **place),
        assistant([call(identity, "Write", {"file_path": path, "content": "\n".join(lines)})], **place),
        user([answer(identity, "File created successfully")], **place),
    ]
    return [{key: value for key, value in record.items() if value is not None} for record in records]


def ring(name: str) -> list[Commit]:
    """Commits that are each other's ancestors."""
    return [commit(f"{name}-{number}", parents=[sha_of(f"{name}-{(number + 1) % 3}")]) for number in range(3)]


def odd_commits() -> list[Commit]:
    """One of each oddity; what a session wrote, and where it has to be found, says the test."""
    ids = "\n".join(f"Claude-Session: {number:08d}-0000-4000-8000-000000000000" for number in range(UNKNOWN_IDS))
    return [
        commit("plain", lines_of("plain", 9)),
        commit("copied", lines_of("plain", 9), "src/plain.py", authored_at="2026-01-03T12:00:00Z", author_name="Bo"),
        commit("no-files", files=[]),
        commit("no-prints", None),
        commit("no-times", lines_of("no-times", 9), authored_at=None, committed_at=None),
        *(
            commit(name, lines_of("no-author", 9), "src/no-author.py", author_name=None, author_email=None, message="")
            for name in ("no-author", "no-author-too")
        ),
        commit("year-1", lines_of("year-1", 9), authored_at="0001-01-01T00:00:00+00:00"),
        commit("year-9999", lines_of("year-9999", 9), authored_at="9999-12-31T23:59:59+00:00"),
        commit(
            "east", lines_of("east", 9), authored_at="2026-01-02T23:00:00+14:00", committed_at="2025-01-01T00:00:00Z"
        ),
        commit("equal-lines", [SAME_LINE] * 5000),
        commit("large-message", lines_of("large-message", 9), message=LARGE_MESSAGE),
        commit("many-ids", lines_of("many-ids", 9), message=f"Name many\n\n{ids}\nclaude-session: ODD-NAMED-1"),
        commit("named", lines_of("named", 4) + lines_of("named-too", 4), message=f"Name one\n\n{NAMES_ONE}"),
        commit(
            "octopus",
            lines_of("octopus", 9),
            parents=[sha_of(name) for name in ("plain", "east", "no-times", "named")],
            message=f"Merge branches 'x', \"y\" and '%z'\n\n{NAMES_ONE}",
        ),
        commit(
            "odd-merge",
            parents=[sha_of("plain"), sha_of("side-ring-0")],
            message="Merge branch 'a\tb%'' or 1=1 --' of x",
        ),
        commit("bot", lines_of("bot", 9), author_name="merge[bot]", message=f"Bump it\n\n{NAMES_ONE}"),
        commit("revert", lines_of("revert", 9), message=f'Revert "x"\n\nThis reverts commit {sha_of("plain")}'),
        commit("escape", lines_of("escape", 9), message=ESCAPE, author_name=ESCAPE, source_ref=f"refs/heads/{ESCAPE}"),
        commit("from-root", lines_of("from-root", 9), source_ref="refs/tags/v1"),
        commit("from-above", lines_of("from-above", 9), source_ref="refs/remotes/origin/x"),
        *(commit(name, lines_of(name, 9)) for name in ("outside", "scratch", "at-root", "two", "windows")),
        commit("huge", lines_of("huge", 5000)),
        *(
            commit(
                f"common-{number}",
                lines_of("common", 5),
                message=f"Common {number}",
                author_email=f"{number}@example.org",
                author_name=f"P{number}",
                authored_at=f"2026-01-02T12:00:{number:02d}+00:00",
            )
            for number in range(30)
        ),
        *ring("side-ring"),
        *ring("ring"),
        commit("newest", parents=[sha_of("ring-0")], committed_at="2026-01-04T12:00:00Z"),
        *(commit(f"wip-{number}", lines_of(f"wip-{number}", 3), message="wip") for number in range(500)),
    ]


def odd_sessions() -> dict[str, list[Record]]:
    """Records of each session by its id."""
    everything = [line for name in ("plain", "east", "no-times") for line in lines_of(name, 9)]
    return {
        "odd-plain": wrote("plain", lines_of("plain", 9)),
        "odd-late": wrote("plain", lines_of("plain", 9), at="2026-01-02T18:00:00Z"),
        "odd-future": wrote("plain", lines_of("plain", 9), at="9999-12-31T00:00:00Z"),
        "odd-no-times": wrote("plain", everything, at=None),
        "odd-year-1": wrote("year-1", lines_of("year-1", 9), at="0001-01-01T00:00:00Z"),
        "odd-year-9999": wrote("year-9999", lines_of("year-9999", 9), at="9999-12-31T23:59:59Z"),
        "odd-east": wrote("east", lines_of("east", 9), at="2026-01-02T08:00:00Z"),
        "odd-west": wrote("east", lines_of("east", 9), at="2026-01-02T10:00:00Z"),
        "odd-no-prints": wrote("no-prints", lines_of("no-prints", 9)),
        "odd-no-cwd": wrote("no-author", lines_of("no-author", 9), cwd=None),
        "odd-from-root": wrote("from-root", lines_of("from-root", 9), cwd="/"),
        "odd-from-above": wrote("from-above", lines_of("from-above", 9), cwd="/home"),
        "odd-windows": wrote("C:\\code\\odd\\src\\windows.py", lines_of("windows", 9), cwd="C:\\code\\odd"),
        "odd-outside": wrote("/elsewhere/src/outside.py", lines_of("outside", 9)),
        "odd-scratch": wrote("/home/pat/scratch/src/scratch.py", lines_of("scratch", 9)),
        "odd-at-root": wrote("/src/at-root.py", lines_of("at-root", 9)),
        "odd-two-a": wrote("two", lines_of("two", 9)),
        "odd-two-b": wrote("two", lines_of("two", 9), at="2026-01-02T10:59:59Z"),
        "odd-named-1": wrote("named", lines_of("named", 4)),
        "odd-named-2": wrote("named", lines_of("named-too", 4)),
        "odd-equal-lines": wrote("equal-lines", [SAME_LINE] * 5000),
        "odd-huge": wrote("huge", lines_of("huge", 100_000)),
        "odd-common": wrote("common-0", lines_of("common", 5)),
        "odd-octopus": wrote("octopus", lines_of("octopus", 9)),
        "odd-bot": wrote("bot", lines_of("bot", 9)),
        "odd-revert": wrote("revert", lines_of("revert", 9)),
        "odd-escape": [
            user(ESCAPE, gitBranch=ESCAPE, timestamp="2026-01-02T10:00:00Z", cwd=REPOSITORY),
            *(record | {"gitBranch": ESCAPE} for record in wrote("escape", lines_of("escape", 9))),
            {"type": "summary", "summary": ESCAPE, "leafUuid": "x"},
        ],
    }


def long_line(commits: int) -> list[Commit]:
    """One line of first parents, as long as that; a branch of one commit was merged at its beginning."""
    names = [f"long-{number}" for number in range(commits)]
    noon = datetime(2025, 1, 1, 12, tzinfo=timezone.utc)
    line = [
        commit(
            name,
            lines_of(name, 1),
            f"src/{number % 50}.py",
            parents=[sha_of(names[number - 1])] if number else [],
            **dict.fromkeys(("authored_at", "committed_at"), (noon + timedelta(minutes=number)).isoformat()),
        )
        for number, name in enumerate(names)
    ]
    side = commit("long-side", lines_of("long-side", 9), parents=[sha_of(names[2])])
    line[5] |= {"parents": [sha_of(names[4]), side["sha"]], "message": "Merge branch 'feature'"}
    return [*line, side]


def judged_commits(count: int) -> tuple[list[Commit], dict[str, list[Record]]]:
    """As many commits, one a day, each written by a session of its own."""
    days = {f"judged-{number}": f"2026-01-{1 + number:02d}" for number in range(count)}
    commits = [commit(name, lines_of(name, 9), authored_at=f"{day}T12:00:00+00:00") for name, day in days.items()]
    sessions = {f"by-{name}": wrote(name, lines_of(name, 9), at=f"{day}T11:50:00Z") for name, day in days.items()}
    return commits, sessions


def write_history(path: Path, commits: Iterable[Commit]) -> str:
    """Write the commits, one per line; the path."""
    write_lines(path, commits)
    return str(path)


def write_sessions(directory: Path, sessions: dict[str, list[Record]]) -> str:
    """Write each session into a file of its name; their directory."""
    for name, records in sessions.items():
        write_lines(directory / f"{name}.jsonl", records)
    return str(directory)
