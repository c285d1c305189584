"""More projects like the corpus: the same sessions and commits, with ids, hashes and directories of their own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.bench.corpus import IDS, other_id

# Ids as `enlarge` finds them, hashes of commits whole or cut (a number is none), and the directory of a person.
_OWN = re.compile(
    IDS.pattern
    + rb"|\b[0-9a-f]{40}\b|\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{7,16}\b"
    + rb"|/(?:Users|home)/[A-Za-z]|-(?:Users|home)-[A-Za-z]"
)
_SHA = re.compile(rb"[0-9a-f]{7,40}")
_DIGITS = b"0123456789abcdef"


def copy_project(sessions: Path, metadata: Path, target: Path, number: int) -> tuple[Path, Path]:
    """Write the corpus as project `number` below `target`, once; (sessions, git-metadata.json). Number 0 is the corpus.

    What a short hash begins with, the long one begins with as before; words and lines stay as they are.
    """
    place = target / str(number)
    if not (place / "git-metadata.json").exists():
        shutil.rmtree(place, ignore_errors=True)
        for path in sorted(sessions.rglob("*.jsonl")):
            name = _copied(str(path.relative_to(sessions)).encode(), number).decode()
            copy = place / "projects" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(_copied(path.read_bytes(), number))
        # last, because it says that the others are there
        content = metadata.read_bytes()
        shas = re.compile(rb'(?<=")[0-9a-f]{40}(?=")')
        (place / "git-metadata.json").write_bytes(shas.sub(lambda sha: _moved(sha[0], number), content))
    return place / "projects", place / "git-metadata.json"


def _copied(content: bytes, number: int) -> bytes:
    if not number:
        return content

    def other(found: re.Match[bytes]) -> bytes:
        if found[0].startswith((b"/", b"-")):
            return found[0][:-1] + b"p%d" % number + found[0][-1:]
        return _moved(found[0], number) if _SHA.fullmatch(found[0]) else other_id(b"%d/" % number, found[0])

    return _OWN.sub(other, content)


def _moved(sha: bytes, number: int) -> bytes:
    """Each digit as many further as `number`: what a hash begins with still begins it."""
    return sha.translate(bytes.maketrans(_DIGITS, _DIGITS[number:] + _DIGITS[:number]))
