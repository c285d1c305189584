"""A history that somebody else wrote → `git-metadata.json`, for a repository that is gone or lies elsewhere.

Read as a stream in any of these shapes: `{"commits":[…]}`, a list, or one commit per line. Besides the keys of our own
format, those of the original specification are understood: `author`, `timestamp`, and `files` as a list of paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.errors import IngestError, Problem
from ingest.git_patch import MAXIMUM_FINGERPRINTS, STATUS
from ingest.git_reflog import clean_reflog, merged_reflog
from ingest.git_store import (
    STEP,
    HistoryResult,
    opened_store,
    parse_instant,
    parse_time,
    read_problems,
    read_state,
    with_marks,
    write_problems,
    write_state,
)
from ingest.json_stream import Broken, read_commits_anyhow, read_reflog_lines
from ingest.redaction import Redactor

IMPORTER_VERSION = 2
CACHED_TEXTS = 20_000
STATUSES = frozenset(STATUS.values())  # the words the marts know

_OBJECT_NAME = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_STATUS_LETTER = re.compile(r"[A-Z]\d{0,3}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_PERSON = re.compile(r"(?P<name>[^<]*)<(?P<email>[^>]*)>")
_TEXTS = ("author_name", "author_email", "committer_name", "committer_email", "message", "source_ref")

# What is said about one value of a commit: reason, detail.
Complain = Callable[[str, str], None]


def import_history(source: Path, output: Path, redactor: Redactor) -> HistoryResult:
    """Bring `output` up to date with the file `source`. Raises IngestError if the file cannot be read at all.

    A commit that cannot be used becomes a `Problem`; so does one that is given twice (the first counts). Commits that
    are in `output` but not in `source` stay, as unreachable. An unchanged source is not read again.
    """
    try:
        stat = source.stat()
        fingerprint = (
            f"{IMPORTER_VERSION} {redactor.rules_version} {source.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        )
    except OSError as error:
        raise IngestError(
            f"{source} cannot be read ({error.strerror}): give the path of a git-metadata.json."
        ) from error
    state = read_state(output)
    if state.get("fingerprint") == fingerprint:
        kept = [problem for _, problem in read_problems(output)]
        return HistoryResult(state["commits"], 0, state["unreachable"], 0, kept)
    clean = lru_cache(CACHED_TEXTS)(redactor.redact_text)
    redactions = 0
    problems: list[Problem] = []

    def text(value: str) -> str:
        nonlocal redactions
        cleaned = clean(value)
        redactions += cleaned != value
        return cleaned

    with opened_store(output) as store:
        known = set(store.entries)
        seen: set[str] = set()
        for number, value in read_commits_anyhow(source):

            def complain(reason: str, detail: str = "", line: int | None = number) -> None:
                problems.append(Problem(STEP, source.name, reason, clean(detail), line))

            if isinstance(value, Broken):
                complain("malformed commit", value.reason)
                continue
            commit = canonical_commit(value, complain)
            if commit is None:
                continue
            if commit["sha"] in seen:
                complain("commit given twice", commit["sha"])
                continue
            seen.add(commit["sha"])
            store.add(clean_commit(commit, text))
        if not seen and problems:
            raise IngestError(
                f"{source} holds no readable commit ({problems[0].reason}: {problems[0].detail}): "
                'expected is {"commits":[…]}, a list of commits, or one commit per line.'
            )
        for sha, entry in store.entries.items():
            if sha not in seen:
                store.mark(sha, source_ref=entry.source_ref, is_reachable=False)
        store.reflog = merged_reflog(store.old_reflog, clean_reflog(read_reflog_lines(source), text))
        write_problems(output, ((None, problem) for problem in problems))
        store.write()
        result = HistoryResult(
            commits=len(store.entries),
            new_commits=len(store.entries.keys() - known),
            unreachable=sum(entry.is_reachable is False for entry in store.entries.values()),
            redactions=redactions,
            problems=list(dict.fromkeys(problems + store.problems)),
        )
    write_state(output, fingerprint=fingerprint, commits=result.commits, unreachable=result.unreachable)
    return result


def clean_commit(commit: dict[str, Any], text: Callable[[str], str]) -> dict[str, Any]:
    """The commit with `text` applied to every free text: names, e-mails, message, ref, paths."""
    cleaned = {key: text(value) if key in _TEXTS and isinstance(value, str) else value for key, value in commit.items()}
    cleaned["files"] = [
        {
            **file,
            "path": text(file["path"]),
            "old_path": None if file["old_path"] is None else text(file["old_path"]),
        }
        for file in commit["files"]
    ]
    return cleaned


def canonical_commit(value: Any, complain: Complain) -> dict[str, Any] | None:
    """A commit of any accepted spelling with our own keys in our own order; None, and a complaint, if it is none."""
    if not isinstance(value, dict):
        complain("malformed commit", f"an object is expected, this is {type(value).__name__}")
        return None
    sha = value.get("sha")
    if not isinstance(sha, str) or not _OBJECT_NAME.fullmatch(sha.lower()):
        complain("commit without a hash", "sha must have 40 or 64 hex digits")
        return None
    author_name, author_email = _person(value, "author")
    committer_name, committer_email = _person(value, "committer")
    authored_at = _moment(value, "authored_at", complain) or _moment(value, "timestamp", complain)
    committed_at = _moment(value, "committed_at", complain) or _moment(value, "timestamp", complain) or authored_at
    if committed_at is None:
        complain("commit without a time", sha)
    commit = {
        "sha": sha.lower(),
        "parents": _parents(value, complain),
        "author_name": author_name,
        "author_email": author_email,
        "authored_at": authored_at or committed_at,
        "committer_name": committer_name,
        "committer_email": committer_email,
        "committed_at": committed_at,
        "message": _text(value.get("message")) or "",
        "files": _files(value, complain),
    }
    flags = {
        key: value.get(key) if isinstance(value.get(key), bool) else None for key in ("is_reachable", "is_boundary")
    }
    return with_marks(
        commit, _text(value.get("source_ref")), flags["is_reachable"], is_boundary=flags["is_boundary"] is True
    )


def _text(value: Any) -> str | None:
    """Text that any reader of UTF-8 JSON can hold: without lone surrogates and NUL."""
    if not isinstance(value, str):
        return None
    if "\0" in value:
        value = value.replace("\0", "\ufffd")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        value = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)
    return value


def _person(value: dict[str, Any], role: str) -> tuple[str | None, str | None]:
    """(name, e-mail) from our keys, from `Name <mail>`, or from an object with `name` and `email`."""
    name, email = _text(value.get(f"{role}_name")), _text(value.get(f"{role}_email"))
    person = value.get(role)
    if isinstance(person, dict):
        name, email = name or _text(person.get("name")), email or _text(person.get("email"))
    elif isinstance(person, str):
        match = _PERSON.match(person)
        if match:
            name, email = name or _text(match["name"].strip()), email or _text(match["email"].strip())
        else:
            name = name or _text(person.strip())
    return name, email


def _moment(value: dict[str, Any], key: str, complain: Complain) -> str | None:
    """The time with its offset, if it is one; without an offset, and as seconds since 1970, it is UTC."""
    moment = value.get(key)
    if moment is None:
        return None
    if isinstance(moment, (int, float)) and not isinstance(moment, bool):
        try:
            return datetime.fromtimestamp(moment, timezone.utc).isoformat()
        except (OverflowError, ValueError, OSError):
            pass
    elif parse_instant(moment) is not None:
        # A time as ours are written stays as it is; any other spelling becomes one.
        parsed = parse_time(moment)
        return moment if _TIME.fullmatch(moment) or parsed is None else parsed.isoformat()
    complain("unreadable time", f"{key}: {str(moment)[:80]}")
    return None


def _parents(value: dict[str, Any], complain: Complain) -> list[str]:
    parents = value.get("parents") or []
    if not isinstance(parents, list):
        complain("malformed parents", "a list is expected")
        return []
    found = [item.lower() for item in parents if isinstance(item, str) and _OBJECT_NAME.fullmatch(item.lower())]
    if len(found) != len(parents):
        complain("malformed parents", "those that are no hash are left out")
    return found


def _files(value: dict[str, Any], complain: Complain) -> list[dict[str, Any]]:
    files = value.get("files") or []
    if not isinstance(files, list):
        complain("malformed files", "a list is expected")
        return []
    found = []
    for item in files:
        file = {"path": item} if isinstance(item, str) else item
        path = _text(file.get("path")) if isinstance(file, dict) else None
        if path is None:
            complain("malformed files", "a file without a path is left out")
            continue
        insertions, deletions = _counts(file, complain)
        found.append(
            {
                "path": path,
                "old_path": _text(file.get("old_path")),
                "status": _status(file, complain),
                "insertions": insertions,
                "deletions": deletions,
                "added_line_hashes": _fingerprints(file, "added_line_hashes", complain),
                "removed_line_hashes": _fingerprints(file, "removed_line_hashes", complain),
            }
        )
    return found


def _status(file: dict[str, Any], complain: Complain) -> str | None:
    """One of our words, or what git's letter (`M`, `R090`) stands for."""
    status = file.get("status")
    if status is None:
        return None
    if isinstance(status, str):
        word = status.strip()
        if word.lower() in STATUSES:
            return word.lower()
        if _STATUS_LETTER.fullmatch(word) and word[0] in STATUS:
            return STATUS[word[0]]
    complain("unknown file status", f"status is left out: {(_text(status) or type(status).__name__)[:80]}")
    return None


def _counts(file: dict[str, Any], complain: Complain) -> tuple[int | None, int | None]:
    """(insertions, deletions): both or neither, as git gives them; one alone would pass for the size of the change."""
    counts = (file.get("insertions"), file.get("deletions"))
    usable = [isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 1 << 62 for n in counts]
    if all(usable):
        return counts
    if counts != (None, None):
        wrong = " and ".join(key for key, fits in zip(("insertions", "deletions"), usable, strict=True) if not fits)
        complain("malformed count", f"insertions and deletions are left out: {wrong} is no count")
    return None, None


def _fingerprints(file: dict[str, Any], key: str, complain: Complain) -> list[str] | None:
    hashes = file.get(key)
    if hashes is None:
        return None
    if not isinstance(hashes, list):
        complain("malformed fingerprints", f"{key} is left out")
        return None
    found = [item for item in hashes if isinstance(item, str) and _FINGERPRINT.fullmatch(item)]
    if len(found) != len(hashes):
        complain("malformed fingerprints", f"{len(hashes) - len(found)} of {key} are left out")
    return found[:MAXIMUM_FINGERPRINTS]
