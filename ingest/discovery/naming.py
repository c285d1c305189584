"""Names and ids for what is found: short, readable, and not taken."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path, PurePosixPath

from ingest.errors import IngestError
from ingest.registry import is_project_id, slug
from ingest.repositories import remote_addresses

LAST_NUMBER = 1000
# What a bare repository is called inside of the directory that bears the name.
_NAMELESS = ("", ".git", ".bare")


def repository_name(root: Path, taken: Container[str]) -> str:
    """A name for the repository at `root` whose id is not in `taken`: of its directory, else of its origin."""
    addresses = remote_addresses(root)[:1]
    return free_name([directory_name(str(root)), *map(address_name, addresses), parent_name(str(root))], taken)


def directory_name(path: str) -> str:
    """The last part of a path that says something: `app` of `/code/app`, `/code/app.git` and `/code/app/.bare`."""
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in _NAMELESS and part != "/"]
    return parts[-1].removesuffix(".git") if parts else ""


def parent_name(path: str) -> str:
    """The last two parts: `code app` of `/code/app`."""
    parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part not in _NAMELESS and part != "/"]
    return " ".join(part.removesuffix(".git") for part in parts[-2:])


def address_name(address: str) -> str:
    """The last part of a remote's address: `app` of `https://host/team/app.git` and `git@host:team/app`."""
    return address.rstrip("/").replace(":", "/").rsplit("/", 1)[-1].removesuffix(".git")


def free_name(wishes: Iterable[str], taken: Container[str]) -> str:
    """The first wish that gives an id which is not taken; else the first that gives one, with a number. Raises
    IngestError where none gives an id."""
    possible = [wish for wish in wishes if is_project_id(slug(wish))]
    for wish in possible:
        if slug(wish) not in taken:
            return wish
    for number in range(2, LAST_NUMBER if possible else 0):
        if slug(f"{possible[0]} {number}") not in taken:
            return f"{possible[0]} {number}"
    raise IngestError("No name can be made of what is known about the project: give one with --name.")
