"""What dbt did in old runs goes: `audit.dbt_results` would grow for ever."""

from __future__ import annotations

from datetime import timedelta

from ingest.database import opened, transaction
from ingest.paths import DataDir
from ingest.runlog import now
from ingest.settings import setting

# Of every node the last result stays, however old: whether marts.db may be published is read from these.
_OLD = """
    select results.invocation_id, results.node_id
    from audit.dbt_results as results
    inner join audit.invocations as invocations on results.invocation_id = invocations.invocation_id
    qualify
        invocations.started_at < ?
        and invocations.invocation_number < max(invocations.invocation_number) over (partition by results.node_id)
"""


def clean_dbt_results(data: DataDir, *, dry_run: bool = False) -> int:
    """Delete the results of dbt commands that are older than `dbt_results_keep_days`; returns how many rows.

    Raises IngestError where the database cannot be opened or written.
    """
    oldest = now() - timedelta(days=int(setting("dbt_results_keep_days")))
    if not data.database.exists():
        return 0
    with opened(data) as connection:
        tables = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'audit' "
            "and table_name in ('dbt_results', 'invocations')"
        ).fetchall()
        if tables != [(2,)]:
            return 0  # nothing was built yet
        rows = int(connection.execute(f"select count(*) from ({_OLD})", [oldest]).fetchall()[0][0])
        if rows and not dry_run:
            with transaction(connection):
                connection.execute(
                    f"delete from audit.dbt_results where (invocation_id, node_id) in ({_OLD})", [oldest]
                )
                connection.execute(
                    "delete from audit.invocations where started_at < ? and ended_at is not null "
                    "and invocation_id not in (select invocation_id from audit.dbt_results)",
                    [oldest],
                )
        return rows
