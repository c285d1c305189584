"""Which source goes to which archived path.

`sessions/<name of the source directory>/<relative path>`; what the manifest already says of a source is kept, so that a
path never changes once it was given.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingest.agents import SourceFile
from ingest.files import printable
from ingest.manifest import ManifestEntry

SESSIONS = "sessions"
META_SUFFIX = ".meta.json"


@dataclass(frozen=True)
class Work:
    """One source file and its place. `entry` is the newest version that the archive has of it."""

    file: SourceFile
    source: str  # absolute, as the manifest writes it
    base: str  # archived path of version 1
    session_id: str
    parent_session_id: str | None
    entry: ManifestEntry | None


def name_redactor(redact_text: Callable[[str], str]) -> Callable[[str], str]:
    """A function that makes a path storable, part by part: valid UTF-8, no secrets, always the same result."""

    @cache
    def part(text: str) -> str:
        return redact_text(printable(text)).replace("/", "-")

    return lambda path: "/".join(map(part, path.split("/")))


def plan(
    files: Mapping[Path, Sequence[SourceFile]], entries: Mapping[str, ManifestEntry], redact_name: Callable[[str], str]
) -> list[Work]:
    """The place of every source file. `files` are the listed ones by source directory, in the order of the registry."""
    chains = versions(entries.values())
    by_source = _newest_by_source(chains)
    names = directory_names([redact_name(str(root)) for root in files], chains)
    listed = _named_sources([file for group in files.values() for file in group], redact_name)
    live = {source for source, _ in listed}
    bases: dict[str, str] = {source: by_source[source] for source in sorted(live & by_source.keys())}
    claimed = set(bases.values())
    works = []
    for source, file in listed:
        base = bases.get(source)
        if base is None:
            root = redact_name(str(file.source_root))
            base = f"{SESSIONS}/{names[root]}/{redact_name(file.relative_path)}"
            if base in claimed:
                base = insert_suffix(base, "~" + _short_hash(source.encode()))
            claimed.add(base)
        works.append(
            Work(
                file=file,
                source=source,
                base=base,
                session_id=redact_name(file.session_id),
                parent_session_id=redact_name(file.parent_session_id) if file.parent_session_id else None,
                entry=chains[base][-1] if base in chains else None,
            )
        )
    return works


def _named_sources(files: Sequence[SourceFile], redact_name: Callable[[str], str]) -> list[tuple[str, SourceFile]]:
    """The files with their paths as the manifest writes them; two that look the same there are told apart by a hash."""
    named = [(redact_name(str(file.path)), file) for file in files]
    often = Counter(source for source, _ in named)
    return [
        (f"{source}~{_short_hash(os.fsencode(file.path))}" if often[source] > 1 else source, file)
        for source, file in named
    ]


def versions(entries: Iterable[ManifestEntry]) -> dict[str, list[ManifestEntry]]:
    """The versions of each archived file, oldest first, by the path of version 1."""
    chains: dict[str, list[ManifestEntry]] = {}
    for entry in entries:
        chains.setdefault(base_path(entry), []).append(entry)
    for chain in chains.values():
        chain.sort(key=lambda entry: entry.version)
    return chains


def base_path(entry: ManifestEntry) -> str:
    """The path of version 1 of an entry's file."""
    if entry.version == 1:
        return entry.path
    head, suffix = _split(entry.path)
    return head.removesuffix(f".v{entry.version}") + suffix


def next_version(base: str, version: int, taken: Collection[str]) -> tuple[int, str]:
    """The first free version after `version`: a source may itself be called like one."""
    while True:
        version += 1
        path = insert_suffix(base, f".v{version}")
        if path not in taken:
            return version, path


def insert_suffix(path: str, suffix: str) -> str:
    head, ending = _split(path)
    return head + suffix + ending


def directory_names(roots: Sequence[str], chains: Mapping[str, Sequence[ManifestEntry]]) -> dict[str, str]:
    """The archive's name for each source directory: its own, or with a hash of its path where another one has that.

    What the manifest says comes first, so that adding or removing a directory never renames another one. The name of a
    directory that is no longer registered is free: the usual case is a directory that was moved.
    """
    used: dict[str, set[str]] = {}
    for entries in chains.values():
        for entry in entries:
            parts = entry.path.split("/")
            depth = len(parts) - 2
            source = entry.source.split("/")
            if entry.source and len(source) > depth:
                used.setdefault("/".join(source[:-depth]), set()).add(parts[1])
    names: dict[str, str] = {}
    taken: set[str] = set()
    for known in (True, False):
        for root in roots:
            own = root.rsplit("/", 1)[-1] or "root"
            hashed = f"{own}~{_short_hash(root.encode())}"
            if root in names or known != (root in used):
                continue
            choices = [*sorted(used.get(root, ())), own, hashed]
            # Two names that differ only in case are one on some file systems.
            names[root] = next((name for name in choices if name.casefold() not in taken), hashed)
            taken.add(names[root].casefold())
    return names


def _newest_by_source(chains: Mapping[str, Sequence[ManifestEntry]]) -> dict[str, str]:
    """Where each source is archived: the chain whose newest version came from it."""
    found: dict[str, str] = {}
    for base, entries in sorted(chains.items(), reverse=True):
        if entries[-1].source:
            found[entries[-1].source] = base
    return found


def _split(path: str) -> tuple[str, str]:
    """A path and the ending before which a version goes."""
    if path.endswith(META_SUFFIX):
        return path.removesuffix(META_SUFFIX), META_SUFFIX
    directory, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem:
        return path, ""
    return (f"{directory}/{stem}" if directory else stem), dot + ending


def _short_hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:8]
