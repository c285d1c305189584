"""How well a history says which commits an agent made: the instrumentation tier of a project.

Tier 1: commit messages name the session. Tier 2: they name only the agent. Tier 3: neither.
What is looked for are the rows of two seeds, `seeds/correlation/session_trailers.csv` and `ai_attribution.csv`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT

SESSION_TRAILERS = PRODUCT_ROOT / "seeds/correlation/session_trailers.csv"
AI_ATTRIBUTION = PRODUCT_ROOT / "seeds/correlation/ai_attribution.csv"

# A line `key: id` or `key=id`; the id has a digit. The same as variable `session_trailer_line` of dbt_project.yml,
# with which the ids are read in SQL.
SESSION_LINE = r"^[ \t]*([A-Za-z][A-Za-z0-9-]*)[ \t]*[:=][ \t]*([^ \t\r]*[0-9][^ \t\r]*)(?:[ \t\r].*)?$"
_SESSION_LINE = re.compile(SESSION_LINE.replace("[^ \\t\\r]", "[^ \\t\\r\\n]"), re.MULTILINE)

_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "contains": str.__contains__,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}
_TRAILER_FIELDS = {"co_author": "co-authored-by", "assisted_by": "assisted-by"}
_COMMIT_FIELDS = ("author_name", "author_email", "committer_name", "committer_email", "message")


def instrumentation_tier(git_metadata: Path) -> int | None:
    """1 = session ids in commit messages, 2 = attribution to an agent only, 3 = neither, None = no commits.

    Raises IngestError if the file or a seed cannot be read.
    """
    keys = session_trailer_keys()
    rules = _attribution_rules()
    tier = None
    for commit in _commits(git_metadata):
        if session_ids(_text(commit, "message"), keys):
            return 1
        if tier != 2:
            tier = 2 if _is_attributed(commit, rules) else 3
    return tier


def session_trailer_keys(path: Path = SESSION_TRAILERS) -> frozenset[str]:
    """The keys, in lower case, of the trailers that carry a session id."""
    return frozenset(row["trailer_key"].strip().lower() for row in _seed(path, "trailer_key"))


def session_ids(message: str, keys: frozenset[str]) -> list[str]:
    """Session ids that a commit message names, in order.

    The whole message is read: tools leave blank lines between trailers, and squashed messages hold several blocks.
    """
    return [match[2] for match in _SESSION_LINE.finditer(message) if match[1].lower() in keys]


def trailers(message: str) -> Iterator[tuple[str, str]]:
    """(key in lower case, value) of every line that reads `Key: value`, anywhere in the message."""
    for match in re.finditer(r"^([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*?)[ \t\r]*$", message, re.MULTILINE):
        yield match[1].lower(), match[2]


def _is_attributed(commit: dict[str, Any], rules: list[dict[str, str]]) -> bool:
    values: dict[str, list[str]] = {field: [_text(commit, field).lower()] for field in _COMMIT_FIELDS}
    for field, key in _TRAILER_FIELDS.items():
        values[field] = [value.lower() for name, value in trailers(_text(commit, "message")) if name == key]
    return any(_MATCHES[rule["match"]](value, rule["pattern"]) for rule in rules for value in values[rule["field"]])


def _text(commit: dict[str, Any], key: str) -> str:
    value = commit.get(key)
    return value if isinstance(value, str) else ""


def _attribution_rules(path: Path = AI_ATTRIBUTION) -> list[dict[str, str]]:
    rules = _seed(path, "field", "match", "pattern")
    for rule in rules:
        if rule["match"] not in _MATCHES or rule["field"] not in {*_COMMIT_FIELDS, *_TRAILER_FIELDS}:
            raise IngestError(f"{path} has an unknown field or match in rule {rule.get('rule_id')!r}: see its yml.")
        rule["pattern"] = rule["pattern"].lower()
    return rules


def _seed(path: Path, *columns: str) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
    except OSError as error:
        raise IngestError(f"{path} cannot be read ({error.strerror}): restore it from the repository.") from error
    if not rows or any(not row.get(column) for row in rows for column in columns):
        raise IngestError(f"{path} needs rows with {', '.join(columns)}: restore it from the repository.")
    return rows


def _commits(path: Path) -> Iterator[dict[str, Any]]:
    """The commits of our own file, one per line; lines that are none are counted elsewhere."""
    try:
        with path.open("rb") as source:
            for line in source:
                text = line.strip().rstrip(b",")
                if text.startswith(b'{"sha"'):
                    try:
                        yield orjson.loads(text)
                    except ValueError:
                        continue
    except FileNotFoundError:
        return
    except OSError as error:
        raise IngestError(f"{path} cannot be read ({error.strerror}): check its owner.") from error
