"""Counts what is documented, and names what is not: commands, options, variables, and every part of the dbt project.

    python -m tools.documentation [TARGET]    TARGET: dbt's target directory with manifest.json; default: target/

Reads the manifest of the last `dbt build` or `dbt parse`. The exit code is 1 where anything has no description.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ingest.cli import main as program
from ingest.paths import PRODUCT_ROOT

PACKAGE = "ope"
COMMANDS = PRODUCT_ROOT / "docs" / "commands.md"
# Code that reads environment variables. A page with the variable in a table or a sentence documents it.
CODE = ("ingest/**/*.py", "ingest/**/*.sh", "tools/*.py", "tools/*.sh", "tests/**/*.py", "Makefile", "profiles.yml")
# Variables of the system, of git, of a test's own making, and those that one of our processes hands to another.
FOREIGN = frozenset(
    {
        "OPE_REMOTE_USER",
        "OPE_REMOTE_PASSWORD",
        "PATH",
        "HOME",
        "COLUMNS",
        "GIT_EDITOR",
        "GIT_PREFIX",
        "CLAUDECODE",
        "HOOK_LOG",
    }
)
FIXTURES = "tests/redaction/"
_READ = re.compile(r"(?:environ(?:\.(?:get|pop)\(|\[)|getenv\(|env_var\()\s*['\"]([A-Z][A-Z0-9_]+)")
_OWN = re.compile(r"(?<![A-Z_])(OPE_[A-Z]+(?:_[A-Z]+)*)(?![A-Z_])")
_SHELL = re.compile(r"\$\{([A-Z][A-Z_]+)")


@dataclass(frozen=True)
class Thing:
    """Something that a user or a developer meets, and whether it says what it is."""

    kind: str
    name: str
    is_documented: bool


def things(manifest: dict[str, Any]) -> Iterator[Thing]:
    """Everything that has to be documented."""
    yield from _commands()
    yield from _environment()
    yield from _make_targets()
    yield from _variables()
    yield from _nodes(manifest)
    yield from _macros(manifest)
    yield from _metrics(manifest)


def _commands() -> Iterator[Thing]:
    text = COMMANDS.read_text(encoding="utf-8")
    for name, command in sorted(program.commands.items()):
        found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        section = found[1] if found else ""
        below = sorted(command.commands.items()) if isinstance(command, click.Group) else []
        for full_name, part in [(name, command), *((f"{name} {inner}", part) for inner, part in below)]:
            yield Thing("commands", full_name, bool(part.help) and f"python -m ingest {full_name}" in section)
            for parameter in part.params:
                words = [*parameter.opts, *parameter.secondary_opts] if isinstance(parameter, click.Option) else []
                for word in words:
                    # a short form stands beside its long one
                    shown = re.search(rf"`(?:[^`]*[ ,])?{re.escape(word)}[` =\[]", section) or len(word) == 2
                    yield Thing("options", f"{full_name} {word}", bool(shown and parameter.help))
                if not words:
                    metavar = parameter.make_metavar(click.Context(part)).strip("[].")
                    yield Thing("arguments", f"{full_name} {metavar}", metavar in section.replace("\\|", "|"))


def _environment() -> Iterator[Thing]:
    pages = [PRODUCT_ROOT / "CONTRIBUTING.md", *(PRODUCT_ROOT / "docs").glob("*.md")]
    described = "".join(page.read_text(encoding="utf-8") for page in pages)
    for name in sorted(environment_variables()):
        yield Thing("environment variables", name, bool(re.search(rf"\b{name}\b", described)))


def environment_variables() -> set[str]:
    """Variables that the code reads, or the Makefile and its scripts."""
    names: set[str] = set()
    for path in {path for pattern in CODE for path in PRODUCT_ROOT.glob(pattern)}:
        if path.relative_to(PRODUCT_ROOT).as_posix().startswith(FIXTURES):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        names |= set(_READ.findall(text))
        if path.name == "prepare-commit-msg.sh":
            continue  # its own variables begin like ours; what it reads, docs/instrumentation.md says
        names |= set(_OWN.findall(text)) | (set(_SHELL.findall(text)) if path.suffix != ".py" else set())
    return names - FOREIGN


def _make_targets() -> Iterator[Thing]:
    text = (PRODUCT_ROOT / "Makefile").read_text(encoding="utf-8")
    [phony] = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    explained = set(re.findall(r"^([a-z-]+):.*## \w", text, re.MULTILINE))
    for name in phony.split():
        # environments are made by the targets that need them
        yield Thing("make targets", name, name in explained or name.startswith("venv"))


def _variables() -> Iterator[Thing]:
    lines = (PRODUCT_ROOT / "dbt_project.yml").read_text(encoding="utf-8").splitlines()
    start, end = lines.index("vars:"), next(n for n, line in enumerate(lines) if line.startswith("models:"))
    is_described = False
    for line in lines[start + 1 : end]:
        if line.startswith("  #"):
            is_described = is_described or not line.startswith("  # ---")
        elif found := re.match(r"  ([a-z_0-9]+):", line):
            yield Thing("variables", found[1], is_described)
        elif not line.strip():
            is_described = False


def _nodes(manifest: dict[str, Any]) -> Iterator[Thing]:
    for node in manifest["nodes"].values():
        kind = node["resource_type"]
        if kind in ("model", "seed"):
            is_mart = kind == "model" and node["path"].startswith("marts")
            yield Thing("marts" if is_mart else f"{kind}s", node["name"], bool(node["description"]))
            for column in node["columns"].values():
                place = "columns of marts" if is_mart else f"columns of {kind}s"
                yield Thing(place, f"{node['name']}.{column['name']}", bool(column["description"]))
        elif kind == "test" and node["path"].endswith(".sql") and "test_metadata" not in node:
            says = re.match(r"\s*(?:\{\{ config\([^)]*\) \}\}\s*)?(?:--|\{#)", node["raw_code"])
            yield Thing("data tests", node["name"], bool(says or node["description"]))
    for source in manifest["sources"].values():
        yield Thing("sources", source["name"], bool(source["description"]))
        for column in source["columns"].values():
            yield Thing("columns of sources", f"{source['name']}.{column['name']}", bool(column["description"]))
    for exposure in manifest["exposures"].values():
        yield Thing("exposures", exposure["name"], bool(exposure["description"]))


def _macros(manifest: dict[str, Any]) -> Iterator[Thing]:
    macros = [macro for macro in manifest["macros"].values() if macro["package_name"] == PACKAGE]
    names = {macro["name"] for macro in macros}
    for macro in macros:
        adapter, _, general = macro["name"].partition("__")
        if general and (general in names or adapter == "duckdb"):
            continue  # what an engine does for a macro that is described, or that is dbt's own
        yield Thing("macros", macro["name"], bool(macro["description"]))
        described = {argument["name"] for argument in macro["arguments"] if argument["description"]}
        for argument in signature(macro["macro_sql"]):
            yield Thing("arguments of macros", f"{macro['name']}({argument})", argument in described)


def signature(code: str) -> list[str]:
    """The names of a macro's or a generic test's arguments."""
    found = re.search(r"\{%-?\s*(?:macro|test)\s+\w+\(([^%]*)\)\s*-?%\}", code)
    return [part.split("=")[0].strip() for part in found[1].split(",") if part.strip()] if found else []


def _metrics(manifest: dict[str, Any]) -> Iterator[Thing]:
    for model in manifest["semantic_models"].values():
        for kind in ("measures", "dimensions"):
            for part in model[kind]:
                yield Thing(kind, f"{model['name']}.{part['name']}", bool(part["description"]))
    for metric in manifest["metrics"].values():
        yield Thing("metrics", metric["name"], bool(metric["description"]))


def main(arguments: list[str]) -> int:
    target = Path(arguments[0]) if arguments else PRODUCT_ROOT / "target"
    if not (target / "manifest.json").exists():
        print(f"{target / 'manifest.json'} is missing: run `make build`, or `dbt parse`.", file=sys.stderr)
        return 1
    counts: dict[str, list[bool]] = defaultdict(list)
    missing = []
    for thing in things(json.loads((target / "manifest.json").read_text(encoding="utf-8"))):
        counts[thing.kind].append(thing.is_documented)
        if not thing.is_documented:
            missing.append(f"not documented: {thing.kind}: {thing.name}")
    for kind, found in counts.items():
        print(f"{kind:<22} {sum(found):>5} of {len(found):>5}")
    done, total = sum(map(sum, counts.values())), sum(map(len, counts.values()))
    print(f"{'documented':<22} {done:>5} of {total:>5}  ({100 * done / total:.1f} %)")
    print("\n".join(missing), file=sys.stderr)
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
