"""Which SQL files sqlfluff has found clean: `.sqlfluff-clean` has a line for each, its hash and its path.

The hash is of the file, of the settings and of the pinned linter, so that any change of one of them has the file looked
at again. Delete `.sqlfluff-clean` to have all of them looked at.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

CLEAN = ".sqlfluff-clean"
SETTINGS = (".sqlfluff", "requirements-lint.txt")
FOLDERS = ("models", "tests")


def _lines(root: Path) -> dict[str, str]:
    """The line of each SQL file below the folders, by its path."""
    settings = hashlib.sha256(b"\0".join((root / name).read_bytes() for name in SETTINGS))
    lines = {}
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.sql")):
        digest = settings.copy()
        digest.update(path.read_bytes())
        name = path.relative_to(root).as_posix()
        lines[name] = f"{digest.hexdigest()[:16]}  {name}"
    return lines


def unknown(root: Path) -> tuple[list[str], int]:
    """The paths of files that are not known to be clean, and how many files there are."""
    clean = root / CLEAN
    known = set(clean.read_text(encoding="utf-8").splitlines()) if clean.exists() else set()
    lines = _lines(root)
    return [name for name, line in lines.items() if line not in known], len(lines)


def remember(root: Path) -> None:
    """Note that all files are clean."""
    (root / CLEAN).write_text("".join(f"{line}\n" for line in _lines(root).values()), encoding="utf-8")
