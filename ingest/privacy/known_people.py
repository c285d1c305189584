"""People that the marts know by name, so that they are replaced wherever a text names them.

A rule knows a user name by the path that it stands in, and a column of authors says who they are. The same names stand
in branches, in listings of files and in conversations, where no form tells them: these are looked for as words. So the
same person is the same token there too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import duckdb

from ingest.database import literal, quoted
from ingest.privacy.shared_columns import DROP, HASH, KEPT, SharedColumn
from ingest.redaction.rules import Rule, combine, compile_pattern
from ingest.settings import setting

KNOWN_RULE = "known_person"
_ENCODED = re.compile(r"[^0-9A-Za-z]")


def known_people(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[tuple[str, Sequence[SharedColumn]]], rules: Sequence[Rule]
) -> list[str]:
    """Names in the marts (name and columns), the longest first: user names in paths of any text, full names of columns
    that are hashed, and names of accounts in addresses of source hosts. What names nobody is left out."""
    accounts = [rule for rule in rules if rule.rule_id in setting("shared_account_rules")]
    people = next(rule for rule in rules if rule.rule_id == setting("shared_name_rule"))
    names: set[str] = set()
    for table, columns in tables:
        for column in columns:
            if column.treatment in (KEPT, DROP) and column.type != "VARCHAR":
                continue
            text = f"cast({quoted(column.name)} as varchar)"
            for rule in accounts:
                found = _found(connection, table, text, rule.pattern, rule.prefilter)
                names.update(_somebody(found, rule, rules))
            if column.treatment == HASH:
                logins = _found(connection, table, text, setting("shared_login"))
                full = _found(connection, table, text, setting("shared_full_name"))
                names.update(_somebody(logins + full, people, rules))
    shortest = int(setting("shared_name_characters"))
    names |= {_ENCODED.sub("-", name) for name in names}
    return sorted((name for name in names if len(name) >= shortest), key=lambda name: (-len(name), name))


def rule_of(names: Sequence[str]) -> list[Rule]:
    """A rule that knows these names as words; none where there are none."""
    if not names:
        return []
    words = combine([re.escape(name) for name in names])
    pattern = rf"(?:\\[nrtbf]|^|[^0-9A-Za-z\\]|\\)(?P<secret>{words})(?:[^0-9A-Za-z]|$)"
    return [Rule(KNOWN_RULE, "contact", "personal", "token", (), pattern, words, 0, "", "", (), ())]


def _found(
    connection: duckdb.DuckDBPyConnection, table: str, text: str, pattern: str, prefilter: str | None = None
) -> list[str]:
    """What the first group of a pattern matches in a column."""
    condition = f"regexp_matches({text}, {literal(prefilter)})" if prefilter else "true"
    rows = connection.execute(
        f"select distinct unnest(regexp_extract_all({text}, {literal(pattern)}, 1)) from main.{quoted(table)} "
        f"where {condition}"
    ).fetchall()
    return [name for (name,) in rows if name]


def _somebody(names: Iterable[str], rule: Rule, rules: Sequence[Rule]) -> list[str]:
    allowed = [other.pattern for other in rules if other.kind == "allow" and set(other.checks) & set(rule.checks)]
    nobody = compile_pattern(combine(allowed), capture=False)
    return [name for name in names if nobody.fullmatch(name.encode("utf-8")) is None and "[REDACTED:" not in name]
