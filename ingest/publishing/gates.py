"""May the marts of a warehouse be published? Every reason against it, out of what dbt wrote to schema `audit`.

A node's state is the one that the last command left which ran it, so a part that was mended and built alone counts,
and so does one that was built alone and not tested since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from ingest.errors import IngestError

GOOD = ("success", "pass", "warn", "no-op")

# Per node: the last command that ran it, and how that ended.
_LAST_RESULTS = """
    with last_results as (
        select
            results.node_id,
            max_by(results.status, invocations.invocation_number) as status,
            max_by(results.message, invocations.invocation_number) as message,
            max(invocations.invocation_number) as invocation_number
        from audit.dbt_results as results
        inner join audit.invocations as invocations on results.invocation_id = invocations.invocation_id
        group by results.node_id
    )
"""
_MISSING = """
    select node_name from audit.nodes
    where node_type != 'test' and (schema_name, relation_name) not in (
        select (schema_name, table_name) from duckdb_tables() where database_name = current_database()
        union all
        select (schema_name, view_name) from duckdb_views() where database_name = current_database()
    )
    order by all
"""
_UNTESTED = """
    select distinct nodes.node_type, nodes.node_name, parents.node_name as parent_name
    from (select *, unnest(parents) as parent_id from audit.nodes) as nodes
    inner join audit.nodes as parents on nodes.parent_id = parents.node_id and parents.node_type != 'seed'
    inner join last_results as own on nodes.node_id = own.node_id
    inner join last_results as above on parents.node_id = above.node_id
    where own.invocation_number < above.invocation_number
    order by all
"""


@dataclass(frozen=True)
class Reason:
    """Why the marts are withheld. `node` is None where it is not one of dbt's nodes; `is_gate` tells a test that failed
    from something that was not built or not tested."""

    sentence: str
    node: str | None = None
    is_gate: bool = False


def reasons_to_withhold(connection: duckdb.DuckDBPyConnection) -> list[Reason]:
    """Every reason, none where the marts may be published. `connection` has the warehouse as its current catalog."""
    try:
        found = connection.execute("select count(*) from audit.nodes").fetchall()[0][0]
        last = connection.execute("from audit.invocations order by invocation_number desc limit 1").fetchall()
    except duckdb.CatalogException:
        found, last = 0, []
    if not found:
        return [Reason("Nothing was built yet with this version: run `dbt build`.")]
    if last[0][-1] is None:
        return [Reason(f"The last dbt command (`{last[0][2]}`) did not come to its end: run `dbt build`.")]
    missing = [row[0] for row in connection.execute(_MISSING).fetchall()]
    gone = [Reason(f"The relation {name} was taken out since it was built: run `dbt build`.", name) for name in missing]
    return [*_failed(connection), *_older_than_parents(connection), *gone]


def sentences(reasons: Sequence[Reason], shown: int) -> list[str]:
    """The first `shown` reasons as sentences, and how many more there are."""
    rest = len(reasons) - shown
    return [reason.sentence for reason in reasons[:shown]] + ([f"… and {rest:,} more."] if rest > 0 else [])


def _failed(connection: duckdb.DuckDBPyConnection) -> list[Reason]:
    rows = connection.execute(
        _LAST_RESULTS
        + """
        select nodes.node_type, nodes.node_name, results.status, results.message
        from audit.nodes as nodes
        left join last_results as results on nodes.node_id = results.node_id
        where results.status is null or not list_contains(?, results.status)
        order by (results.status = 'skipped') nulls last, nodes.node_type, nodes.node_name
        """,
        [list(GOOD)],
    ).fetchall()
    return [_failure(*row) for row in rows]


def _failure(node_type: str, name: str, status: str | None, message: str | None) -> Reason:
    if status is None:
        return Reason(f"The {node_type} {name} was never {'run' if node_type == 'test' else 'built'}.", name)
    if node_type == "test" and status == "fail":
        return Reason(f"The test {name} failed: {message or 'see audit.' + name}.", name, is_gate=True)
    if status == "skipped":
        return Reason(f"The {node_type} {name} was skipped, because something above it failed.", name)
    first_line = (message or "no message").strip().splitlines()[0]
    return Reason(f"The {node_type} {name} ended with {status}: {first_line}", name)


def _older_than_parents(connection: duckdb.DuckDBPyConnection) -> list[Reason]:
    rows = connection.execute(_LAST_RESULTS + _UNTESTED).fetchall()
    return [
        Reason(
            f"{parent} was built again after "
            + (f"the test {name} had run." if node_type == "test" else f"{name}, which is made from it."),
            name,
        )
        for node_type, name, parent in rows
    ]


class WithheldError(IngestError):
    """The marts are not published; `reasons` say why."""

    def __init__(self, reasons: Sequence[Reason], shown: int = 5) -> None:
        super().__init__("marts.db stays as it was. " + " ".join(sentences(reasons, shown)))
        self.reasons = list(reasons)
