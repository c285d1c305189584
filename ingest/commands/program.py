"""How this program was called: what a line to paste has to begin with."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import click

from ingest.paths import PRODUCT_ROOT
from ingest.terminal import MODULE

NAME = "ope"
SCRIPT = PRODUCT_ROOT / ".venv" / "bin" / NAME


def program() -> str:
    """`ope`, `python -m ingest`, or either with the path that the shell needs to find it."""
    context = click.get_current_context(silent=True)
    name = context.find_root().info_name if context else None
    is_outside = Path.cwd().resolve() != PRODUCT_ROOT
    if name == NAME or (is_outside and SCRIPT.exists()):
        known = shutil.which(NAME)
        return NAME if known and Path(known).resolve() == SCRIPT.resolve() else _short(SCRIPT)
    known = shutil.which("python")
    if known and Path(known).parent.resolve() == Path(sys.executable).parent.resolve():
        return MODULE
    return f"{_short(Path(sys.executable))} -m ingest"


def _short(path: Path) -> str:
    """The path from the working directory where it is below it, quoted for a shell."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
