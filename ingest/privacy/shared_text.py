"""Every text of a table as it may be shared: secrets and personal data replaced, at every depth.

Each different value of a column is read once; the values that change are joined to the rows by the database. So the
same value becomes the same one everywhere, and no row passes through here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import orjson
import pyarrow as pa
import re2

from ingest.database import literal, quoted
from ingest.privacy.shared_columns import DROP, HASH, KEPT, NESTED, SharedColumn
from ingest.redaction import TOKEN, Redactor
from ingest.redaction.rules import combine, compile_pattern

BATCH_ROWS = 2048
BATCH_BYTES = 16_000_000

Replace = Callable[[Sequence[str]], tuple[list[str], list[Counter[str]]]]


@dataclass
class Changes:
    """The values of a column that change, what each becomes, and how often each rule replaced something in rows."""

    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    by_rule: Counter[str] = field(default_factory=Counter)


class TextSharer:
    """Replaces by all rules. Holds no state between calls."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._stays: dict[str, re2._Regexp] = {}
        allowed = [rule for rule in redactor.rules if rule.kind == "allow"]
        for rule in redactor.rules:
            patterns = [other.pattern for other in allowed if set(other.checks) & set(rule.checks)]
            if patterns and rule.protects == "personal":
                self._stays[rule.rule_id] = compile_pattern(combine(patterns), capture=False)

    def texts(self, values: Sequence[str]) -> tuple[list[str], list[Counter[str]]]:
        """Each text with what the rules find replaced, and how often which rule found something in it."""
        lines = b"\n".join(orjson.dumps(value) for value in values)
        changed, findings = self._redactor.redact_jsonl(lines)
        counts: list[Counter[str]] = [Counter() for _ in values]
        if not findings:
            return list(values), counts
        for finding in findings:
            counts[finding.line_number - 1][finding.rule_id] += 1
        after = changed.split(b"\n")
        return [
            orjson.loads(line) if count else value for value, line, count in zip(values, after, counts, strict=True)
        ], counts

    def identities(self, rule_id: str) -> Replace:
        """Each whole value as a token of this rule; what names nobody, or is a token already, stays."""

        def replace(values: Sequence[str]) -> tuple[list[str], list[Counter[str]]]:
            new = [value if self._is_nobody(rule_id, value) else self._token(rule_id, value) for value in values]
            return new, [Counter([rule_id] if a != b else []) for a, b in zip(values, new, strict=True)]

        return replace

    def _token(self, rule_id: str, value: str) -> str:
        return self._redactor.token(rule_id, value.encode("utf-8"))

    def _is_nobody(self, rule_id: str, value: str) -> bool:
        stays = self._stays.get(rule_id)
        is_allowed = stays is not None and stays.fullmatch(value.encode("utf-8")) is not None
        return not value.strip() or is_allowed or TOKEN.fullmatch(value) is not None

    def of(self, column: SharedColumn) -> Replace:
        """How the values of a column are replaced."""
        return self.identities(column.rule_id) if column.treatment == HASH else self.texts


def changes_of(connection: duckdb.DuckDBPyConnection, relation: str, column: SharedColumn, replace: Replace) -> Changes:
    """What changes in a column of a relation."""
    found = Changes()
    for values, rows in _values(connection, relation, _as_text(column)):
        new, counts = replace(values)
        for before, after, times, count in zip(values, new, rows, counts, strict=True):
            found.by_rule.update({rule_id: number * times for rule_id, number in count.items()})
            if before != after:
                found.old.append(before)
                found.new.append(after)
    return found


def replaced_rows(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[SharedColumn], sharer: TextSharer, name: str
) -> Counter[str]:
    """Make the temporary table `name` of the rows of a relation as they may be shared; its column `is_changed` tells
    the rows in which a text was replaced. How often, by rule."""
    by_rule: Counter[str] = Counter()
    selected, joins, changed, maps = [], [], [], []
    for number, column in enumerate(columns):
        if column.treatment == DROP:
            continue
        own = f"source.{quoted(column.name)}"
        changes = Changes()
        if column.treatment != KEPT:
            changes = changes_of(connection, relation, column, sharer.of(column))
        if not changes.old:
            selected.append(own)
            continue
        by_rule += changes.by_rule
        maps.append(f"shared_values_{number}")
        connection.register(maps[-1], pa.table({"old": pa.array(changes.old), "new": pa.array(changes.new)}))
        new = f"{maps[-1]}.new"
        joins.append(f"left join {maps[-1]} on {_as_text(column, 'source.')} = {maps[-1]}.old")
        changed.append(f"{new} is not null")
        typed = f"cast(cast({new} as json) as {column.type})" if column.treatment == NESTED else new
        selected.append(f"case when {new} is null then {own} else {typed} end as {quoted(column.name)}")
    is_changed = " or ".join(changed) or "false"
    try:
        connection.execute(
            f"create or replace temp table {quoted(name)} as select {', '.join(selected)}, {is_changed} as is_changed "
            f"from {relation} as source {' '.join(joins)}"
        )
    finally:
        for registered in maps:
            connection.unregister(registered)
    return by_rule


def _as_text(column: SharedColumn, prefix: str = "") -> str:
    name = prefix + quoted(column.name)
    return f"cast(to_json({name}) as varchar)" if column.treatment == NESTED else name


def _values(connection: duckdb.DuckDBPyConnection, relation: str, text: str) -> Iterator[tuple[list[str], list[int]]]:
    """Each different text with the number of its rows, in batches of limited size."""
    found = connection.execute(
        f"select {text} as value, count(*) as rows from {relation} where {text} is not null group by all"
    )
    values: list[str] = []
    rows: list[int] = []
    held = 0
    while batch := found.fetchmany(BATCH_ROWS):
        for value, count in batch:
            values.append(value)
            rows.append(count)
            held += len(value)
            if held >= BATCH_BYTES:
                yield values, rows
                values, rows, held = [], [], 0
    if values:
        yield values, rows


def project_filter(has_project: bool, projects: Sequence[str]) -> str:
    """A condition of SQL for the rows of these projects; none for all of them."""
    if not projects:
        return "true"
    return f"project_id in ({', '.join(map(literal, projects))})" if has_project else "false"
