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


def lines(project: Path) -> dict[str, str]:
    """The line of each SQL file below the folders of a project that has the settings too, by its path."""
    settings = hashlib.sha256(b"\0".join((project / name).read_bytes() for name in SETTINGS))
    found = {}
    for path in sorted(path for folder in FOLDERS for path in (project / folder).rglob("*.sql")):
        digest = settings.copy()
        digest.update(path.read_bytes())
        name = path.relative_to(project).as_posix()
        found[name] = f"{digest.hexdigest()[:16]}  {name}"
    return found


def unknown(root: Path, lines: dict[str, str]) -> list[str]:
    """The paths of files that `root` does not know to be clean."""
    clean = root / CLEAN
    known = set(clean.read_text(encoding="utf-8").splitlines()) if clean.exists() else set()
    return [name for name, line in lines.items() if line not in known]


def remember(root: Path, lines: dict[str, str]) -> None:
    """Note that all files are clean."""
    (root / CLEAN).write_text("".join(f"{line}\n" for line in lines.values()), encoding="utf-8")
