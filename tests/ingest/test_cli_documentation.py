"""Every command and every environment variable has its help, its example and its place in docs/commands.md."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from ingest.cli import main
from ingest.paths import PRODUCT_ROOT

DOCS = PRODUCT_ROOT / "docs" / "commands.md"
COMMANDS = {
    "add-project",
    "discover",
    "sync",
    "nightly",
    "publish",
    "import-labels",
    "projects",
    "status",
    "history",
    "quality-report",
    "report",
    "init-data",
    "remove-project",
    "exclude-project",
    "explain",
    "label",
    "low-confidence",
    "summary",
    "taxonomy",
    "hooks",
    "redact",
    "doctor",
    "backup",
    "migrate",
    "merge-data",
    "retention",
    "archive",
    "restore",
    "snapshot",
    "verify-snapshot",
    "consent",
    "share",
    "forget",
}


def commands() -> list[tuple[str, click.Command]]:
    """Every command, and those of a group under `group command`."""
    found = []
    for name, command in sorted(main.commands.items()):
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", below) for inner, below in sorted(command.commands.items())]
    return found


def test_the_commands_are_the_documented_ones() -> None:
    assert set(main.commands) == COMMANDS
    assert set(re.findall(r"^## ([a-z-]+)$", DOCS.read_text(), re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_has_help_an_example_and_a_page(name: str, command: click.Command) -> None:
    shown = CliRunner().invoke(main, [*name.split(), "-h"]).output
    assert "Example:" in shown and f"python -m ingest {name}" in shown
    assert command.help and len(command.help.split("\n")[0]) > 20
    page = re.search(rf"^## {name.split()[0]}\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert page and f"python -m ingest {name}" in page[1]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts} has no help"
            assert f"`{parameter.opts[0]}" in page[1], f"{parameter.opts[0]} is not in {DOCS.name}"


def test_every_environment_variable_is_documented() -> None:
    read = set()
    for path in (PRODUCT_ROOT / "ingest").rglob("*.py"):
        read |= set(re.findall(r"environ(?:\.get\(|\[)\s*\"([A-Z_]+)\"", path.read_text()))
    assert {"OPE_DATA_DIR", "CLAUDE_CONFIG_DIR"} <= read
    text = DOCS.read_text()
    read -= {"PATH"}  # the system's own
    assert [name for name in sorted(read) if f"`{name}`" not in text] == []
