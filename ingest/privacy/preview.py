"""What would leave in a shared export: the same work as for one, but nothing is written and no consent is needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingest.cold.snapshots import published_database
from ingest.database import opened_read_only, quoted
from ingest.paths import DataDir
from ingest.privacy.shared_columns import DROP, HASH, SharedColumn
from ingest.privacy.shared_text import TextSharer, replaced_rows
from ingest.privacy.sharing import ROWS, plan_share, share_redactor
from ingest.progress import Progress
from ingest.redaction import KEY_BYTES, load_or_create_key


@dataclass(frozen=True)
class PreviewTable:
    """A mart: its rows, what becomes of its columns, replacements by rule, and rows as they would leave, those with a
    replacement first."""

    name: str
    rows: int
    columns: tuple[SharedColumn, ...]
    replaced: dict[str, int]
    examples: tuple[dict[str, Any], ...]

    def names(self, treatment: str) -> list[str]:
        return [column.name for column in self.columns if column.treatment == treatment]

    @property
    def dropped(self) -> list[str]:
        return self.names(DROP)

    @property
    def hashed(self) -> list[str]:
        return self.names(HASH)


def preview_share(
    data: DataDir,
    tables: Sequence[str] = (),
    projects: Sequence[str] = (),
    examples: int = 2,
    progress: Progress | None = None,
) -> list[PreviewTable]:
    """Every mart as it would leave, with so many rows to look at. Raises IngestError as `share`, but for consent."""
    found = []
    with opened_read_only(published_database(data)) as connection:
        # Without a key yet, one that is not kept: its tokens say nothing.
        key = load_or_create_key(data.redaction_key) if data.redaction_key.exists() else os.urandom(KEY_BYTES)
        sharer = TextSharer(share_redactor(connection, key))
        planned = plan_share(connection, tables, projects)
        for done, table in enumerate(planned, start=1):
            replaced = replaced_rows(connection, table.relation, table.columns, sharer, ROWS)
            shown = connection.execute(
                f"select * from {quoted(ROWS)} order by is_changed desc, rowid limit ?", [examples]
            )
            names = [column[0] for column in shown.description]
            rows = [dict(zip(names, row, strict=True)) for row in shown.fetchall()]
            for row in rows:
                del row["is_changed"]
            connection.execute(f"drop table {quoted(ROWS)}")
            found.append(PreviewTable(table.name, table.rows, table.columns, dict(replaced.most_common()), tuple(rows)))
            if progress:
                progress("preview", done, len(planned))
    return found
