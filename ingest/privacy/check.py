"""Does the engine find anything? Files and directories are read, nothing is written, and no value is ever reported."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.archive_plan import name_redactor
from ingest.errors import IngestError
from ingest.files import open_regular, printable
from ingest.paths import DataDir
from ingest.privacy.reading import (
    HEAD_BYTES,
    LINES,
    READ_ERRORS,
    TEXT,
    UnreadableError,
    file_pieces,
    redact_piece,
    table_kind,
)
from ingest.privacy.tables import table_values
from ingest.progress import Progress
from ingest.redaction import Redactor

FINDING, UNREADABLE = 1, 2
REPOSITORY = ".git"
LABEL = "redaction check"

# Looks for secrets in bytes of a kind; says on which line (from 1, within them) which rule found one.
Search = Callable[[str, bytes], Iterable[tuple[int, str]]]


@dataclass(frozen=True, order=True)
class Hit:
    """What was found where, never what: in a line (0: in the file's name), or `count` times in a table's column."""

    path: str
    line: int | None
    table: str | None
    column: str | None
    rule: str
    count: int = 1

    @property
    def place(self) -> str:
        """`github_token in raw/one/notes.md, line 3`."""
        return f"{self.rule} in {self.path}" + (f", line {self.line}" if self.line else "")


@dataclass(frozen=True)
class Unread:
    """Something that was to be read, and why it could not be."""

    path: str
    reason: str


@dataclass
class Checked:
    """What a check found, and what it read: files and bytes, links (not followed), special files and repositories'
    own directories (not read). `left_out` is what lies in a data directory and is no part of it."""

    hits: list[Hit] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    links: int = 0
    special: int = 0
    repositories: int = 0
    left_out: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return FINDING if self.hits else UNREADABLE if self.unread else 0

    @property
    def findings(self) -> int:
        return sum(hit.count for hit in self.hits)


def engine_search(redactor: Redactor) -> Search:
    """What the engine would replace."""
    return lambda kind, data: [(found.line_number, found.rule_id) for found in redact_piece(redactor, kind, data)[1]]


def check_data(
    data: DataDir, redactor: Redactor, progress: Progress | None = None, *, search: Search | None = None
) -> Checked:
    """Run the engine (or `search`) over a data directory: its places, the databases and other files at its top.

    Raises IngestError where there is none.
    """
    own = (*data.places_of_projects, data.runs, data.logs, data.outputs, data.archived)
    places = {place.name for place in own}
    try:
        with os.scandir(data.root) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise IngestError(
            f"The data directory {printable(str(data.root))} cannot be read ({error.strerror}): name files or "
            "directories to check, or set OPE_DATA_DIR."
        ) from error
    others = [entry.name for entry in entries if entry.is_dir() and entry.name not in places]
    paths = [data.root / entry.name for entry in entries if entry.name not in others]
    checked = check_paths(paths, redactor, progress, below=data.root, search=search)
    checked.repositories += REPOSITORY in others
    checked.left_out = [name_redactor(redactor.redact_text)(name) for name in others if name != REPOSITORY]
    return checked


def check_paths(
    paths: Sequence[Path],
    redactor: Redactor,
    progress: Progress | None = None,
    *,
    below: Path | None = None,
    search: Search | None = None,
) -> Checked:
    """Run the engine (or `search`) over files and directories. Paths are shown as given, or from `below` on."""
    checked = Checked()
    files = list_files(paths, checked)
    shown = name_redactor(redactor.redact_text)
    checked.unread = [Unread(_shown(shown, Path(item.path), below), item.reason) for item in checked.unread]
    total = sum(size for _, size in files)
    search = search or engine_search(redactor)
    for path, size in files:
        name = _shown(shown, path, below)
        if name != _shown(printable, path, below):
            checked.hits += [Hit(name, 0, None, None, rule) for _, rule in search(TEXT, os.fsencode(path))]
        hits, unread = search_file(path, name, search, shown)
        checked.hits += hits
        checked.unread += unread
        checked.files += 1
        checked.bytes += size
        if progress:
            progress(LABEL, checked.bytes, total)
    checked.hits.sort(key=lambda hit: (hit.path, hit.line or 0, hit.table or "", hit.column or "", hit.rule))
    return checked


def _shown(clean: Callable[[str], str], path: Path, below: Path | None) -> str:
    if below is not None and path.is_relative_to(below):
        path = path.relative_to(below)
    return clean(printable(str(path)))


def search_file(path: Path, name: str, search: Search, clean: Callable[[str], str]) -> tuple[list[Hit], list[Unread]]:
    """What `search` finds in a regular file, and what of it could not be read; the rest of it is searched."""
    found: Counter[tuple[str, int | None, str | None, str | None, str]] = Counter()
    unread = []
    try:
        descriptor, _ = open_regular(path)
        with os.fdopen(descriptor, "rb") as stream:
            kind = table_kind(stream.peek(HEAD_BYTES)[:HEAD_BYTES])
            if kind is None:
                for piece in file_pieces(stream, name):
                    found.update(
                        (clean(printable(piece.name)), piece.line + line, None, None, rule)
                        for line, rule in search(piece.kind, piece.data)
                    )
        if kind is not None:
            for values in table_values(path, kind):
                table, column = clean(values.table) or None, clean(values.column)
                hits = [rule for _, rule in search(LINES, values.lines)] if values.lines else []
                hits += [rule for blob in values.blobs for _, rule in search(LINES, blob)]
                found.update((name, None, table, column, rule) for rule in hits)
    except UnreadableError as error:
        unread.append(Unread(name, clean(str(error))))
    except READ_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "damaged or incomplete"
        unread.append(Unread(name, reason))
    return [Hit(*place, count=count) for place, count in found.items()], unread


def list_files(paths: Sequence[Path], checked: Checked) -> list[tuple[Path, int]]:
    """All regular files of files and directories, with their sizes; what is none is counted in `checked`.

    A link is not followed. One that is named itself, or leads out of what is searched, is unread; so is a special file
    that is named itself.
    """
    files: dict[Path, int] = {}
    roots = [path.resolve() for path in paths]
    for path in paths:
        try:
            state = path.lstat()
        except OSError as error:
            checked.unread.append(Unread(str(path), error.strerror or str(error)))
            continue
        if stat.S_ISDIR(state.st_mode):
            files.update(_below(path, roots, checked))
        elif stat.S_ISREG(state.st_mode):
            files[path] = state.st_size
        else:
            reason = "a symbolic link, not followed" if path.is_symlink() else "no regular file"
            checked.unread.append(Unread(str(path), reason))
    return list(files.items())


def _below(directory: Path, roots: Sequence[Path], checked: Checked) -> Iterator[tuple[Path, int]]:
    try:
        with os.scandir(directory) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        checked.unread.append(Unread(str(directory), error.strerror or str(error)))
        return
    for entry in entries:
        path = directory / entry.name
        try:
            if entry.is_symlink():
                checked.links += 1
                if path.exists() and not any(path.resolve().is_relative_to(root) for root in roots):
                    checked.unread.append(Unread(str(path), "a symbolic link that leads elsewhere, not followed"))
            elif entry.is_dir(follow_symlinks=False):
                if entry.name == REPOSITORY:
                    checked.repositories += 1
                else:
                    yield from _below(path, roots, checked)
            elif entry.is_file(follow_symlinks=False):
                yield path, entry.stat(follow_symlinks=False).st_size
            else:
                checked.special += 1
        except OSError as error:
            checked.unread.append(Unread(str(path), error.strerror or str(error)))
