"""Every hit in real session logs, to be judged by reading: the rule, where, what stands around it, never the value.

    python -m tests.redaction.real_corpus [DIR] [--git-metadata FILE]

DIR is a folder of sessions (`*.jsonl`), by default the corpus of `OPE_CORPUS_DIR` (see `tests/bench`). Of a value only
its shape is shown: `a` for small letters, `A` for capitals, `9` for digits, other signs as they are. Also counted: hits
per 100 MB, malformed lines and their hits, lines that were JSON and are not any more, and hashes of known commits in
the text before and after.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest.redaction import Redactor
from ingest.redaction.escapes import is_json

KEY = bytes(range(32))
CONTEXT = 60  # characters on each side
SHOWN = 40  # signs of a shape
_MARK = re.compile(rb"\[REDACTED:([a-z0-9_]+):[A-Z2-7]{16}\]")
_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_SHORT_HASH = re.compile(rb"(?<![0-9a-zA-Z])[0-9a-f]{7,40}(?![0-9a-zA-Z])")


@dataclass(frozen=True)
class Hit:
    """One replaced value; `file` is a short hash of its path, so that the list names nobody."""

    rule_id: str
    file: str
    line: int
    before: str
    shape: str
    after: str


@dataclass
class Found:
    """What a run over the corpus showed."""

    total_bytes: int = 0
    lines: int = 0
    hits: list[Hit] = field(default_factory=list)
    malformed: int = 0
    malformed_hits: int = 0
    broken: int = 0
    commits_before: Counter[str] = field(default_factory=Counter)
    commits_after: Counter[str] = field(default_factory=Counter)


def shape(value: bytes) -> str:
    """What kind of signs a value has, without saying which."""
    text = re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"[0-9]", "9", value.decode("utf-8", "replace"))))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)})"


def hits_of_line(old: bytes, new: bytes, file: str, line: int) -> Iterator[Hit]:
    """The values that were replaced in one line: what stands between tokens is the same in both."""
    marks = [mark for mark in _MARK.finditer(new) if mark.group() not in old]
    at = 0
    for number, mark in enumerate(marks):
        at = old.index(new[(marks[number - 1].end() if number else 0) : mark.start()], at)
        start = at + mark.start() - (marks[number - 1].end() if number else 0)
        following = new[mark.end() : marks[number + 1].start() if number + 1 < len(marks) else len(new)]
        end = old.index(following, start) if following else len(old)
        before = new[max(0, mark.start() - CONTEXT) : mark.start()].decode("utf-8", "replace")
        after = new[mark.end() : mark.end() + CONTEXT].decode("utf-8", "replace")
        yield Hit(mark[1].decode(), file, line, before, shape(old[start:end]), after)
        at = end


def read(directory: Path, commits: frozenset[str], redactor: Redactor) -> Found:
    """All hits in the sessions below a directory."""
    found = Found()
    prefixes = {commit[:7] for commit in commits}
    for path in sorted(directory.rglob("*.jsonl")):
        data = path.read_bytes()
        result, _ = redactor.redact_jsonl(data)
        name = hashlib.sha256(str(path.relative_to(directory)).encode()).hexdigest()[:8]
        before, after = data.split(b"\n"), result.split(b"\n")
        assert len(before) == len(after), f"{path} has another number of lines"
        found.total_bytes += len(data)
        found.lines += len(before)
        for hashes, content in ((found.commits_before, data), (found.commits_after, result)):
            for match in _SHORT_HASH.findall(content):
                text = match.decode()
                if text[:7] in prefixes and any(commit.startswith(text) for commit in commits):
                    hashes[text] += 1
        for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
            valid = not old.strip() or is_json(old)
            found.malformed += not valid
            if old != new:
                hits = list(hits_of_line(old, new, name, number))
                found.hits += hits
                found.malformed_hits += 0 if valid else len(hits)
                found.broken += valid and not is_json(new)
    return found


def show(found: Found) -> None:
    for hit in found.hits:
        print(f"{hit.rule_id} {hit.file}:{hit.line}\n    {hit.before!r} ⟨{hit.shape}⟩ {hit.after!r}")
    megabytes = found.total_bytes / 1e6
    rate = len(found.hits) / megabytes * 100
    print(f"{megabytes:.1f} MB, {found.lines:,} lines, {len(found.hits)} hits: {rate:.2f} per 100 MB")
    for rule_id, count in Counter(hit.rule_id for hit in found.hits).most_common():
        print(f"  {rule_id:<28} {count}")
    print(f"malformed lines: {found.malformed}, {found.malformed_hits} hits in them; JSON broken: {found.broken}")
    if found.commits_before:
        print(
            f"hashes of known commits: {found.commits_before.total():,} before, {found.commits_after.total():,} after; "
            f"{len(found.commits_before)} distinct, the same: {found.commits_before == found.commits_after}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.redaction.real_corpus", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, help="sessions; default: the corpus of OPE_CORPUS_DIR")
    parser.add_argument("--git-metadata", type=Path, help="commits whose hashes must survive")
    options = parser.parse_args()
    directory, metadata = options.directory, options.git_metadata
    if directory is None:
        from tests.bench.corpus import unpacked_sessions

        directory, metadata = unpacked_sessions()
    commits: frozenset[str] = frozenset()
    if metadata is not None:
        commits = frozenset(json_hashes(metadata.read_bytes()))
    show(read(directory, commits, Redactor.load(KEY)))


def json_hashes(data: bytes) -> set[str]:
    """The commits' hashes of a metadata file: every name `hash` or `sha` in it."""
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            found.update(str(value[name]) for name in ("hash", "sha", "commit_sha", "commit_hash") if name in value)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(json.loads(data))
    return {name for name in found if re.fullmatch(r"[0-9a-f]{40}", name)}


if __name__ == "__main__":
    main()
