"""What a module of this repository imports from this repository is there, also where the module needs other packages
(those of `make plots` and `make fit`) than tests have."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator

from ingest.paths import PRODUCT_ROOT

OWN = ("ingest", "tests", "tools")


def imported() -> Iterator[tuple[str, str]]:
    """(file, module) of every import of an own module below the own packages."""
    for package in OWN:
        for path in sorted((PRODUCT_ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                for name in names:
                    if name.split(".")[0] in OWN:
                        yield path.relative_to(PRODUCT_ROOT).as_posix(), name


def test_what_is_imported_is_there() -> None:
    found = list(imported())
    assert len(found) > 500
    specified = {name: importlib.util.find_spec(name) is not None for name in {name for _, name in found}}
    assert [(file, name) for file, name in found if not specified[name]] == []
