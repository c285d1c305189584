"""Plans of nights: what happens to sources and to the project before each sync and build. They print as Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

PROJECTS = ("one", "two")


@dataclass(frozen=True)
class File:
    """A source file as it is in the end: its project, its path below the project's session directory, its bytes."""

    project: str
    path: str
    content: bytes = field(repr=len)


@dataclass(frozen=True)
class Grow:
    """The file is `size` bytes long (all of them where it has fewer): begun, gone on, cut, or back after its removal.

    `is_quiet`: nobody has written to it for days, so that its last line is taken without a newline.
    """

    file: int
    size: int
    is_quiet: bool = False


@dataclass(frozen=True)
class Rewrite:
    """The file is written anew without one of its lines (counted modulo their number), or again as it was."""

    file: int
    without_line: int | None


@dataclass(frozen=True)
class Rename:
    """The file goes on below another name in its session directory."""

    file: int
    path: str


@dataclass(frozen=True)
class Remove:
    """The file is deleted, as the agent does after some weeks."""

    file: int


@dataclass(frozen=True)
class MoveDirectory:
    """The project's session directory is moved (`name`: and renamed), and registered at its new place."""

    project: str
    name: str | None = None


@dataclass(frozen=True)
class Register:
    """The project is registered, whether for the first time or again."""

    project: str


@dataclass(frozen=True)
class Unregister:
    """The project is removed, with its archive or without."""

    project: str
    deletes_archive: bool = False


@dataclass(frozen=True)
class Exclude:
    """The project is left out."""

    project: str


@dataclass(frozen=True)
class Include:
    """The project that was left out is taken in again."""

    project: str


@dataclass(frozen=True)
class Commits:
    """The imported history of the project has this many of its commits (never fewer than before)."""

    project: str
    count: int


@dataclass(frozen=True)
class Edit:
    """A text of the dbt project (a rule, a price, a variable, a model) is replaced."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Restore:
    """A file of the dbt project is again as it was reviewed."""

    path: str


@dataclass(frozen=True)
class Kill:
    """SIGKILL for `what` (`sync` or `build`) at the n-th point at which it changes something, or after `seconds`."""

    what: str
    point: int | None = None
    seconds: float | None = None


Operation = (
    Grow
    | Rewrite
    | Rename
    | Remove
    | MoveDirectory
    | Register
    | Unregister
    | Exclude
    | Include
    | Commits
    | Edit
    | Restore
)


@dataclass(frozen=True)
class Night:
    """What happens before the night, the kills within it, and what is built (`None`: nothing, empty: everything)."""

    operations: Sequence[Operation]
    kills: Sequence[Kill] = ()
    select: Sequence[str] | None = ()
    may_fail: bool = False


def last_night(files: Sequence[File], *, is_quiet: bool) -> Night:
    """All projects registered, and all files there as they are in the end."""
    return Night(
        [
            *(operation for project in PROJECTS for operation in (Register(project), Include(project))),
            *(Grow(index, len(file.content), is_quiet) for index, file in enumerate(files)),
        ]
    )
