"""Checks of the program: Python, the pins, git."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ingest.care.findings import ERROR, OK, WARNING, Finding, Patient
from ingest.care.git_command import run_git
from ingest.paths import PRODUCT_ROOT
from ingest.settings import setting

SHOWN = 5
INSTALL = "Run `make build`, or `.venv/bin/python -m pip install -r requirements.txt`."
_PYTHONS = re.compile(r'^requires-python = "([^"]+)"$', re.MULTILINE)


def check_python(patient: Patient) -> Iterator[Finding]:
    """Is this Python one of those that the program is tested with?"""
    found = _PYTHONS.search((PRODUCT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = found[1] if found else ""
    mine = platform.python_version()
    if SpecifierSet(wanted).contains(mine, prereleases=True):
        yield Finding("python", OK, f"Python {mine}.")
    else:
        yield Finding(
            "python",
            ERROR,
            f"Python {mine} is not supported ({wanted}).",
            "Make the environment anew with another one: `rm -rf .venv && BASE_PYTHON=python3.13 make build`.",
        )


def check_pins(patient: Patient) -> Iterator[Finding]:
    """Is every package there, in the version that `requirements.txt` pins?"""
    missing, other, count = [], [], 0
    for line in (PRODUCT_ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        try:
            wanted = Requirement(line.split("#", 1)[0].strip())
        except InvalidRequirement:
            continue
        if wanted.marker and not wanted.marker.evaluate():
            continue
        count += 1
        try:
            mine = version(wanted.name)
        except PackageNotFoundError:
            missing.append(wanted.name)
            continue
        if not wanted.specifier.contains(mine, prereleases=True):
            other.append(f"{wanted.name} {mine} instead of {str(wanted.specifier).removeprefix('==')}")
    if missing:
        yield Finding("packages", ERROR, f"{_some(missing)} of requirements.txt not installed.", INSTALL)
    if other:
        yield Finding("packages", WARNING, f"Not the versions that were tested: {_some(other)}.", INSTALL)
    if not missing and not other:
        yield Finding("packages", OK, f"{count} packages as pinned.")


def check_git(patient: Patient) -> Iterator[Finding]:
    """Is git there, and new enough?"""
    oldest = setting("git_oldest")
    answer = run_git(PRODUCT_ROOT, "version")
    words = answer.text.split()
    mine = words[2] if len(words) > 2 else "?"
    try:
        is_enough = Version(".".join(re.findall(r"\d+", mine)[:3])) >= Version(oldest)
    except InvalidVersion:
        is_enough = False
    if is_enough:
        yield Finding("git", OK, f"git {mine}.")
    else:
        yield Finding("git", ERROR, f"git {mine} is older than {oldest}.", "Install a newer git.")


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
