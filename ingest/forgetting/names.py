"""What tells that a text is about what is forgotten: ids of sessions, names of their files, a project's id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ingest.forgetting.tombstones import FORGOTTEN
from ingest.manifest import ManifestEntry

# Fields of the run log and the logs: those that name a project, and those with the program's own words.
PROJECT_FIELDS = ("project_id", "project", "their_id")
OWN_FIELDS = ("run_id", "step", "status", "level", "event", "command", "ts", "started_at", "ended_at", "place")
_TOKEN = re.compile(r"[A-Za-z0-9._-]{4,}")


@dataclass(frozen=True)
class Names:
    """`roots` are ids of root sessions, `files` what their files are called, `project_id` a project that goes too."""

    roots: frozenset[str]
    files: frozenset[str] = frozenset()
    project_id: str | None = None

    def are_in(self, text: str) -> bool:
        """Does a text name anything of it?"""
        for token in _TOKEN.findall(text):
            if not {token, token.rstrip("."), token.partition(".")[0]}.isdisjoint(self._plain):
                return True
        return self._odd is not None and self._odd.search(text) is not None

    def ids_are_in(self, text: str) -> bool:
        """Does a text name one of the sessions?"""
        return self._id is not None and self._id.search(text) is not None

    def without_ids(self, text: str) -> str:
        """The text with the ids of the sessions replaced: of what people wrote nothing else is taken."""
        return text if self._id is None else self._id.sub(FORGOTTEN, text)

    def cleaned(self, value: Any, field: str | None = None) -> Any:
        """A value of JSON in which no text names it: one that does is replaced as a whole."""
        if isinstance(value, str):
            if field in PROJECT_FIELDS:
                return FORGOTTEN if value == self.project_id else value
            return FORGOTTEN if field not in OWN_FIELDS and self.are_in(value) else value
        if isinstance(value, list):
            return [self.cleaned(item, field) for item in value]
        if isinstance(value, dict):
            return {name: self.cleaned(item, name) for name, item in value.items()}
        return value

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(name for name in self.roots | self.files if _TOKEN.fullmatch(name))

    @cached_property
    def _odd(self) -> re.Pattern[str] | None:
        odd = [re.escape(name) for name in sorted((self.roots | self.files) - self._plain)]
        if self.project_id is not None:
            # A project's id is a plain word: in a sentence it counts where it is quoted, in a path or before a colon.
            word = re.escape(self.project_id)
            odd += [f"(?:raw|processed|validation)/{word}", f"project_id={word}", f"'{word}'", rf"\A{word}(?=:)"]
        return _whole(odd)

    @cached_property
    def _id(self) -> re.Pattern[str] | None:
        return _whole([re.escape(root) for root in sorted(self.roots)])


def names_of(
    roots: Iterable[str], gone: Iterable[ManifestEntry], kept: Iterable[ManifestEntry], project_id: str | None
) -> Names:
    """The names of sessions by the entries that go; what a file that stays is called too tells nothing."""
    files = {name for entry in gone for name in _file_names(entry)} - {n for entry in kept for n in _file_names(entry)}
    return Names(frozenset(roots), frozenset(files), project_id)


def _file_names(entry: ManifestEntry) -> Iterator[str]:
    for path in filter(None, (entry.path, entry.source)):
        yield path.rpartition("/")[2]


def _whole(patterns: list[str]) -> re.Pattern[str] | None:
    """A pattern for any of them as whole words; None for none."""
    return re.compile(f"(?<![A-Za-z0-9_-])(?:{'|'.join(patterns)})(?![A-Za-z0-9_-])") if patterns else None
