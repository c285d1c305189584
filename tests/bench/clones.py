"""A warehouse in which a project's commits and sessions are there several times, each time as other ones.

Copied are the tables that the models of correlation read. A clone has ids, hashes and directories of its own; of its
lines, paths and words a part is its own and a part is the repository's, as new work in the same repository has both.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

SHAS = ("commit_sha", "first_parent_sha", "previous_sha", "sha_prefix", "announced_commit_sha")
IDS = (
    *("root_session_id", "session_id", "parent_session_id", "tool_use_id", "message_id", "file_id", "use_file_id"),
    *("result_file_id", "spawned_agent_id", "spawned_by_tool_use_id", "written_id"),
)
TEXTS = ("message", "subject", "detail")
PATHS = ("path", "old_path", "file_path", "changed_path", "search_path", "first_cwd")

# In SQL `{c}` is the column and `clone` the number of the clone, 0 for the original.
# An order-preserving letter for letter change: what a hash begins with still begins it.
_SHA = "translate({c}, '0123456789abcdef', right('0123456789abcdef', 16 - clone) || left('0123456789abcdef', clone))"
_LINE = "case when hash({c}) % 5 = 0 then {c} else left(md5({c} || clone), length({c})) end"
# Of three file names one is as it was, one lies in a directory of the clone, one is the clone's.
_PATH = """regexp_replace(
    case hash(regexp_extract({c}, '[^/]*$')) % 3
        when 0 then {c}
        when 1 then regexp_replace({c}, '([^/]+)$', 'part' || clone || '/\\1')
        else {c} || clone
    end,
    '^(/(?:Users|home)/[^/]+)',
    case when clone % 2 = 1 then '\\1' || clone else '\\1' end
)"""
# Every second clone is by other people; directories are as their people.
_DIRECTORY = (
    "regexp_replace({c}, '^(/(?:Users|home)/[^/]+)', case when clone % 2 = 1 then '\\1' || clone else '\\1' end)"
)
_EMAIL = "case when clone % 2 = 1 then clone || {c} else {c} end"
# Words with certain endings are the clone's: a third of all.
_TEXT = "regexp_replace({c}, '(?i)\\b([a-z]+[es])\\b', '\\1' || clone, 'g')"
_WORD = "case when regexp_matches({c}, '^[a-z]+[es]$') then {c} || clone else {c} end"


def clone_relations(
    connection: duckdb.DuckDBPyConnection, relations: Iterable[str], times: int, days_apart: int
) -> None:
    """Turn each of `relations` (`schema.name`, table or view) into a table with its rows `times` times.

    Each clone is `days_apart` days later than the one before; with 0, all happened at the same time.
    """
    for relation in relations:
        columns = connection.execute(f"describe {relation}").fetchall()
        # what is neither of a session nor of a commit, projects for example, stays what it is
        if not any(name in (*IDS, *SHAS) for name, *_ in columns):
            continue
        expressions = ", ".join(f'{_cloned(name, kind, days_apart)} as "{name}"' for name, kind, *_ in columns)
        connection.execute(
            f"create table cloned as select {expressions} "
            f"from {relation}, (select unnest(range({times}))::integer as clone) as clones"
        )
        schema, name = relation.split(".")
        [(kind,)] = connection.execute(
            "select table_type from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
        ).fetchall()
        connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {relation} cascade")
        connection.execute(f"create table {relation} as from cloned")
        connection.execute("drop table cloned")


def _cloned(name: str, kind: str, days_apart: int) -> str:
    """SQL: the column in clone number `clone`; the original has its own values."""
    column = f'"{name}"'
    if kind == "TIMESTAMP":
        return f"{column} + clone * interval '{days_apart} days'"
    if name in ("added_line_hashes", "removed_line_hashes"):
        changed = f"list_transform({column}, lambda x: {_LINE.format(c='x')})"
    elif name == "parent_shas":
        changed = f"list_transform({column}, lambda x: {_SHA.format(c='x')})"
    else:
        changed = _pattern(name).format(c=column)
    return column if changed == column else f"case when clone = 0 then {column} else {changed} end"


def _pattern(name: str) -> str:
    if name in SHAS:
        return _SHA
    if name in IDS:
        return "{c} || '~' || clone"
    if name in PATHS:
        return _DIRECTORY if name == "first_cwd" else _PATH
    special = {"line_hash": _LINE, "word": _WORD, "author_email": _EMAIL, "state_hash": "md5({c} || clone)"}
    return special.get(name, _TEXT if name in TEXTS else "{c}")
