"""`data/archived/marts.sql`: views over the marts with the sessions in cold storage, with relative paths."""

from __future__ import annotations

from ingest.files import write_atomically
from ingest.paths import DataDir

UNION = "marts.sql"
_HEADER = """\
-- The marts with the sessions that lie in cold storage: all_sessions, all_turns and so on, as views of one connection.
-- Paths are relative to the data directory, which may be moved; work inside it:
--   duckdb -readonly -init archived/marts.sql ope.db
-- (or marts.db). What is live is never taken from cold storage, nor is a project that was removed or excluded.
-- Written by `archive`, `retention` and `restore`.
"""
_VIEW = """
create or replace temp view all_{mart} as
select *, false as is_cold from main.{mart}
union all by name
select * exclude (month), true as is_cold
from read_parquet(
    'archived/marts/{mart}/*/*/*.parquet',
    hive_partitioning = true, hive_types = {{'project_id': varchar, 'month': varchar}}, union_by_name = true
)
where
    split_part(session_id, '/', 1) not in (select root_session_id from main.sessions)
    and project_id in (select project_id from main.projects);
"""


def union_sql(data: DataDir) -> str:
    """The statements for every mart that has rows in cold storage."""
    marts = sorted({path.parents[2].name for path in data.archived.glob("marts/*/*/*/*.parquet")})
    return _HEADER + "".join(_VIEW.format(mart=mart) for mart in marts)


def write_union(data: DataDir) -> None:
    """Write the file anew where it would change. Raises IngestError where the disk refuses."""
    path, content = data.archived / UNION, union_sql(data).encode()
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)
