"""The one error a user may see: what was wrong, where, and what to do next, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass


class IngestError(Exception):
    """A failure that the user can act on. The command line prints its text and exits with 1."""


@dataclass(frozen=True)
class Problem:
    """Input that could not be read as it should: a row of `raw.parse_errors`, never an abort.

    `path` is relative to the data directory or the repository, `line_number` counts from 1.
    """

    step: str
    path: str
    reason: str
    detail: str = ""
    line_number: int | None = None
