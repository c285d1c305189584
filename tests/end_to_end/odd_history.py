"""Histories and sessions as no tool would write them: what an import, a broken clock or a liar can leave behind."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ingest.fingerprint import line_fingerprint
from tests.end_to_end.odd_files import write_lines
from tests.end_to_end.odd_records import Record, answer, assistant, call, user

REPOSITORY = "/home/sam/code/odd"
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


def odd_commits() -> list[Commit]:
    """One of each oddity; what a session wrote, and where it has to be found, says the test."""
    chain = [commit(f"cycle-{number}", parents=[sha_of(f"cycle-{(number + 1) % 3}")]) for number in range(3)]
    same_subject = [commit(f"wip-{number}", lines_of(f"wip-{number}", 3), message="wip") for number in range(500)]
    many = [f"Claude-Session: {number:08d}-0000-4000-8000-000000000000" for number in range(1000)]
    date = "2026-01-02T12:30:00+00:00"
    return [
        commit("plain", lines_of("plain", 9)),
        commit("no-files", files=[]),
        commit("no-prints", None),
        commit("no-times", lines_of("no-times", 9), authored_at=None, committed_at=None),
        commit("no-author", lines_of("no-author", 9), author_name=None, author_email=None, message=""),
        commit("no-author-2", lines_of("no-author-2", 9), author_name=None, author_email=None, message=""),
        commit("year-1", lines_of("year-1", 9), authored_at="0001-01-01T00:00:00+00:00"),
        commit("year-9999", lines_of("year-9999", 9), authored_at="9999-12-31T23:59:59+00:00"),
        commit(
            "east", lines_of("east", 9), authored_at="2026-01-02T23:00:00+14:00", committed_at="2025-01-01T00:00:00Z"
        ),
        commit("equal-lines", ["the same line again"] * 5000),
        commit("large-message", lines_of("large-message", 9), message="Say it\n\n" + "* wip\n* Say more\n" * 60_000),
        commit(
            "many-ids",
            lines_of("many-ids", 9),
            message="Name many\n\n" + "\n".join(many) + "\nclaude-session: ODD-NAMED",
        ),
        commit(
            "named", lines_of("named", 4) + lines_of("named-too", 4), message="Name one\n\nClaude-Session: odd-named"
        ),
        commit(
            "octopus",
            parents=[sha_of(name) for name in ("plain", "east", "no-times", "named")],
            message="Merge branches 'x', \"y\" and '%z'\n",
        ),
        commit("odd-merge", parents=[sha_of("plain"), sha_of("east")], message="Merge branch 'a\tb%'' or 1=1 --' of x"),
        commit("escape", lines_of("escape", 9), message=ESCAPE, author_name=ESCAPE, source_ref=f"refs/heads/{ESCAPE}"),
        commit("tagged", lines_of("tagged", 9), source_ref="refs/tags/v1"),
        commit("remote", lines_of("remote", 9), source_ref="refs/remotes/origin/x"),
        commit("second-head", lines_of("second-head", 9), committed_at=None, authored_at=None),
        commit("revert", lines_of("revert", 9), message=f'Revert "x"\n\nThis reverts commit {sha_of("plain")}'),
        commit("outside", lines_of("outside", 9)),
        commit("two-a", lines_of("two", 9)),
        commit("windows", lines_of("windows", 9)),
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
        commit("moved", lines_of("moved", 9), authored_at=date),
        *chain,
        *same_subject,
    ]


def long_line(commits: int) -> list[Commit]:
    """One line of first parents, as long as that, from a branch that was merged at its beginning."""
    names = [f"long-{number}" for number in range(commits)]
    line = [
        commit(
            name,
            lines_of(name, 1),
            f"src/{number % 50}.py",
            parents=[sha_of(names[number - 1])] if number else [],
            committed_at=f"2025-{1 + number // 2500:02d}-{1 + number // 90 % 27:02d}T12:00:00+00:00",
            authored_at=f"2025-{1 + number // 2500:02d}-{1 + number // 90 % 27:02d}T12:00:{number % 60:02d}+00:00",
        )
        for number, name in enumerate(names)
    ]
    side = commit(
        "long-side",
        lines_of("long-side", 9),
        parents=[sha_of(names[2])],
        authored_at="2025-01-01T13:00:00+00:00",
        committed_at="2025-01-01T13:00:00+00:00",
    )
    line[5]["parents"] = [sha_of(names[4]), side["sha"]]
    line[5]["message"] = "Merge branch 'feature'"
    return [*line, side]


def copy_of(name: str, new: str, **fields: Any) -> Commit:
    """The change of the commit `name` once more."""
    return commit(new, lines_of(name, 9), f"src/{name}.py", message=f"Add what {name} is for", **fields)


def odd_sessions() -> dict[str, list[Record]]:
    """Records of each session by its id."""
    everything = [line for name in ("plain", "east") for line in lines_of(name, 9)]
    return {
        "odd-plain": wrote("plain", lines_of("plain", 9)),
        "odd-no-times": wrote("no-times", everything, at=None),
        "odd-future": wrote("plain", lines_of("plain", 9), at="9999-12-31T00:00:00Z"),
        "odd-past": wrote("year-1", lines_of("year-1", 9), at="0001-01-01T00:00:00Z"),
        "odd-no-cwd": wrote("no-author", lines_of("no-author", 9), cwd=None),
        "odd-root": wrote("tagged", lines_of("tagged", 9), cwd="/"),
        "odd-above": wrote("remote", lines_of("remote", 9), cwd="/home"),
        "odd-windows": wrote("C:\\code\\odd\\src\\windows.py", lines_of("windows", 9), cwd="C:\\code\\odd"),
        "odd-outside": wrote("/elsewhere/src/outside.py", lines_of("outside", 9)),
        "odd-two-a": wrote("two-a", lines_of("two", 9)),
        "odd-two-b": wrote("two-a", lines_of("two", 9)),
        "odd-named": wrote("named", lines_of("named", 4)),
        "odd-named-too": wrote("named", lines_of("named-too", 4)),
        "odd-huge": wrote("huge", lines_of("huge", 100_000)),
        "odd-common": wrote("common-0", lines_of("common", 5)),
        "odd-east": wrote("east", lines_of("east", 9), at="2026-01-02T08:00:00Z"),
        "odd-escape": [
            user(ESCAPE, gitBranch=ESCAPE, timestamp="2026-01-02T10:00:00Z"),
            *wrote("escape", lines_of("escape", 9)),
            {"type": "summary", "summary": ESCAPE, "leafUuid": "x"},
        ],
        "odd-nan": [*wrote("year-9999", lines_of("year-9999", 9), at="9999-12-31T23:59:59Z")],
        "odd-moved": wrote("moved", lines_of("moved", 9)),
    }


def judged_commits(project: str, count: int = 25) -> tuple[list[Commit], dict[str, list[Record]]]:
    """As many commits, each written by its own session."""
    names = [f"{project}-{number}" for number in range(count)]
    commits = [
        commit(name, lines_of(name, 9), authored_at=f"2026-01-{2 + number}T12:00:00+00:00", committed_at=None)
        for number, name in enumerate(names)
    ]
    for found, number in zip(commits, range(count), strict=True):
        found["authored_at"] = f"2026-01-{2 + number:02d}T12:00:00+00:00"
    sessions = {
        f"{name}-session": wrote(name, lines_of(name, 9), at=f"2026-01-{2 + number:02d}T11:50:00Z")
        for number, name in enumerate(names)
    }
    return commits, sessions


def write_metadata(path: Path, commits: list[Commit]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"commits": commits}), encoding="utf-8")
    return path


def write_sessions(directory: Path, sessions: dict[str, list[Record]]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, records in sessions.items():
        write_lines(directory / f"{name}.jsonl", records)
    return directory


def write_labels(path: Path, rows: Iterable[tuple[str, str, str]]) -> Path:
    """Session, commit, label of each row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("session_id,commit_sha,label\n" + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    return path
