"""What pages say beside their blocks: quoted messages, the picture of the lineage, the lists of pages and decisions."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import Warehouse

DOCS = PRODUCT_ROOT / "docs"
MESSAGES = re.findall(r"^> (.+)$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
ARROW = re.compile(r"^    (\w+(?: --> \w+)+)$", re.MULTILINE)
PICTURES = re.findall(r"^```mermaid\n(.*?)^```", (DOCS / "data-flow.md").read_text(encoding="utf-8"), re.M | re.DOTALL)
CHAINS = [chain.split(" --> ") for chain in ARROW.findall(PICTURES[-1])]


@cache
def said() -> list[str]:
    """Every text of the program, with an ellipsis in the place of what is put in; of SQL and shell the whole file."""
    texts = []
    for path in (PRODUCT_ROOT / "ingest").rglob("*.py"):
        texts += [text for node in ast.walk(ast.parse(path.read_bytes())) for text in literal(node)]
    for path in (*(PRODUCT_ROOT / "macros").glob("*.sql"), *(PRODUCT_ROOT / "tools").glob("*.sh")):
        text = re.sub(r'" \\\n\s*"|" ?\\?\n\s*~ "', "", path.read_text(encoding="utf-8"))
        texts.append(re.sub(r"\$\w+|\$\*", "…", text))
    return texts


def literal(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
        yield "".join(map(str, parts))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_quoted_message_is_one_of_the_program(message: str) -> None:
    parts = [part for part in re.split("…", message) if part.strip()]
    assert max(map(len, parts)) > 12
    pattern = re.compile(".*".join(map(re.escape, parts)))
    assert any(pattern.search(text) for text in said())


def test_messages_are_quoted() -> None:
    assert len(MESSAGES) >= 12


@pytest.mark.parametrize("chain", CHAINS, ids=" → ".join)
def test_the_picture_is_the_lineage(sample_warehouse: Warehouse, chain: list[str]) -> None:
    parents, names = lineage(str(sample_warehouse.project / "target" / "manifest.json"))
    for above, below in pairwise(chain):
        assert names[above] & ancestors(parents, names[below]), f"{below} is not made from {above}"


@cache
def lineage(manifest: str) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """Parents of each node, and the nodes of a name: a model and a source may have the same one."""
    document: dict[str, Any] = json.loads(Path(manifest).read_text(encoding="utf-8"))
    names: dict[str, set[str]] = {}
    for node in document["parent_map"]:
        names.setdefault(node.rsplit(".", 1)[1], set()).add(node)
    return document["parent_map"], names


def ancestors(parents: dict[str, list[str]], nodes: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        for parent in parents.get(waiting.pop(), []):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def test_the_lists_have_every_page_and_every_decision() -> None:
    pages = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in DOCS.glob("*.md") if path.name != "README.md" and f"({path.name}" not in pages] == []
    decisions = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))
    assert re.findall(r"\]\((0[^)]+)\)", decisions) == files
    assert len({name[:4] for name in files}) == len(files)
