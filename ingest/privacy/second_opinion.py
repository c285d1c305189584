"""What another scanner finds in the same bytes: Kingfisher's library, where somebody has installed it.

It works in this process, asks no service, and its values are never looked at: only rule, line and position.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingest.errors import IngestError
from ingest.privacy.check import Checked, Hit, Search, engine_search
from ingest.redaction import TOKEN_BYTES, Redactor

PACKAGE = "kingfisher-secret-scanner"
AGREED, OURS, THEIRS = SIDES = ("agreed", "only ours", "only theirs")

_SIGN = "\0"  # between side and rule, in neither


class NotInstalledError(IngestError):
    """The other scanner is not there."""

    def __init__(self) -> None:
        super().__init__(
            f"There is no second opinion without the package {PACKAGE}: `.venv/bin/pip install {PACKAGE}`, then run "
            "the same command again."
        )


def load_scanner() -> Any:
    """Kingfisher with its own rules. Raises NotInstalledError."""
    try:
        from kingfisher_sdk import Rules, Scanner
    except ImportError as error:
        raise NotInstalledError from error
    return Scanner(Rules(cache=False), redact=True)


def compared(redactor: Redactor, scanner: Any) -> Search:
    """A search with both. Its rules carry the side: a line with findings of both is agreed, whatever the rules say."""
    ours = engine_search(redactor)

    def search(kind: str, data: bytes) -> Iterable[tuple[int, str]]:
        mine: dict[int, set[str]] = {}
        for line, rule in ours(kind, data):
            mine.setdefault(line, set()).add(rule)
        theirs: dict[int, set[str]] = {}
        for line, rule in _theirs(scanner, data):
            theirs.setdefault(line, set()).add(rule)
        for line in sorted(mine.keys() | theirs.keys()):
            here, there = sorted(mine.get(line, ())), sorted(theirs.get(line, ()))
            side = AGREED if here and there else OURS if here else THEIRS
            yield line, f"{side}{_SIGN}{' + '.join(here)}{' = ' if side == AGREED else ''}{' + '.join(there)}"

    return search


def _theirs(scanner: Any, data: bytes) -> Iterable[tuple[int, str]]:
    """Their findings that a report would show, but for what they take in our tokens for a secret."""
    tokens = [match.span() for match in TOKEN_BYTES.finditer(data)]
    for finding in scanner.scan(data):
        place = finding.location
        start, end = place["start_offset"], place["end_offset"]
        if finding.visible and not any(start < last and first < end for first, last in tokens):
            yield place["line"], finding.rule_id


def by_side(checked: Checked) -> dict[str, list[Hit]]:
    """The hits of a compared search: agreed, only ours, only theirs."""
    sides: dict[str, list[Hit]] = {side: [] for side in SIDES}
    for hit in checked.hits:
        side, _, rule = hit.rule.partition(_SIGN)
        sides[side].append(Hit(hit.path, hit.line, hit.table, hit.column, rule, hit.count))
    return sides
