"""What lies beside a transcript and is only archived (results of tools on disk) → the tokens in it, `raw.redactions`.

Read once: again where the archived file is another, as `raw.landed_files` knows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import duckdb
import pyarrow as pa

from ingest.database import transaction
from ingest.errors import Problem
from ingest.landing_git import REDACTION_SCHEMA
from ingest.landing_rows import LINE_STEP, insert, table_of
from ingest.manifest import ManifestEntry
from ingest.paths import DataDir
from ingest.redaction import TOKEN_BYTES

FOLDER = "sessions/"
_LANDED_SCHEMA = pa.schema(
    [("project_id", pa.string()), ("path", pa.string()), ("bytes", pa.int64()), ("content_hash", pa.string())]
)


def land_results(
    connection: duckdb.DuckDBPyConnection,
    data: DataDir,
    project_id: str,
    entries: Iterable[ManifestEntry],
    run_id: str,
    loaded_at: datetime,
) -> tuple[int, list[Problem]]:
    """Bring the tokens of these files up to date; those of files that are gone go. How many are new, and what is wrong.

    A file that cannot be read is a problem, and what was landed from it stays.
    """
    known = dict(
        connection.execute(
            "select path, content_hash from raw.landed_files where project_id = ? and starts_with(path, ?)",
            [project_id, FOLDER],
        ).fetchall()
    )
    landed: list[tuple[str, str, int, str]] = []
    tokens: list[tuple[str, str, int, str, str]] = []
    problems: list[Problem] = []
    for entry in entries:
        if known.pop(entry.path, None) == entry.content_hash:
            continue
        try:
            content = (data.raw(project_id) / entry.path).read_bytes()[: entry.archived_bytes]
        except OSError as error:
            detail = f"{error.strerror}; what was landed from it is kept"
            problems.append(Problem(LINE_STEP, entry.path, "archived file cannot be read", detail))
            continue
        landed.append((project_id, entry.path, len(content), entry.content_hash))
        tokens += [(project_id, entry.path, *found) for found in _tokens(content)]
    outdated = [*known, *(path for _, path, _, _ in landed)]
    if outdated:
        with transaction(connection):
            for table in ("redactions", "landed_files"):
                connection.execute(
                    f"delete from raw.{table} where project_id = ? and path in (select unnest(?))",
                    [project_id, outdated],
                )
            insert(connection, "redactions", table_of(tokens, REDACTION_SCHEMA), run_id, loaded_at)
            insert(connection, "landed_files", table_of(landed, _LANDED_SCHEMA), run_id, loaded_at)
    return len(tokens), problems


def _tokens(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Line number, rule and token of each in a text."""
    number, counted = 1, 0
    for found in TOKEN_BYTES.finditer(content):
        number += content.count(b"\n", counted, found.start())
        counted = found.start()
        token = found[0].decode("ascii")
        yield number, token.split(":")[1], token
