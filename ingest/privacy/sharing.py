"""Shared exports: the published marts as Parquet without secrets and without personal data, for other people.

Nothing is sent anywhere: a directory is written, and only with consent. It is written aside, read back, searched by the
engine with the rules of both classes, and put in place by one rename; a kill leaves a directory whose name begins with
a dot and which the next export to the same place replaces.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from ingest import __version__
from ingest.cold.part import ParquetFile
from ingest.cold.places import sql_pattern
from ingest.cold.relations import store_relation
from ingest.cold.snapshots import MANIFEST, README, STATE_TABLE, published_database, published_tables
from ingest.database import opened_read_only, quoted
from ingest.errors import IngestError
from ingest.files import disk_errors, fsync_directory, make_private_directory, printable, write_atomically
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.privacy.consent import Decision, require_consent
from ingest.privacy.known_people import known_people, rule_of
from ingest.privacy.shared_columns import DROP, KEPT, SharedColumn, read_treatments, shared_columns
from ingest.privacy.shared_text import TextSharer, changes_of, project_filter, replaced_rows
from ingest.progress import Progress
from ingest.redaction import DEFAULT_RULES, Redactor, load_or_create_key
from ingest.redaction.rules import CLASSES, read_rules, rules_version
from ingest.runlog import new_run_id, now, step

SHARE_VERSION = 1
MARTS = "main"
ROWS = "shared_rows"
# The rule of the tokens that stand for people in the manifest.
PERSON_RULE = "person_name"


@dataclass(frozen=True)
class PlannedTable:
    """A mart that is shared, with the rows of the chosen projects."""

    name: str
    description: str | None
    rows: int
    columns: tuple[SharedColumn, ...]
    condition: str

    @property
    def relation(self) -> str:
        return f"(select * from {MARTS}.{quoted(self.name)} where {self.condition})"


@dataclass(frozen=True)
class SharedTable:
    """A table as a file below the export, and how often which rule replaced something in it."""

    path: str
    table: str
    description: str | None
    rows: int
    bytes: int
    sha256: str
    columns: tuple[dict[str, str | None], ...]
    replaced: dict[str, int]


@dataclass(frozen=True)
class Share:
    """What `manifest.json` of an export says. `consent` is the decision that allowed it, its person as a token."""

    made_at: str
    ope_version: str
    rules_version: str
    classes: tuple[str, ...]
    projects: tuple[str, ...]
    consent: dict[str, Any]
    published: dict[str, Any]
    files: tuple[SharedTable, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def replaced(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for file in self.files:
            total.update(file.replaced)
        return dict(total.most_common())


def plan_share(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[str] = (), projects: Sequence[str] = ()
) -> list[PlannedTable]:
    """The marts that would be shared: all, or those named; of some projects only the marts that tell projects apart.

    Raises IngestError for a table or project that is not published.
    """
    treatments = read_treatments(read_rules(DEFAULT_RULES))
    found = {name: text for schema, name, text in published_tables(connection) if schema == MARTS}
    unknown = sorted(set(tables) - set(found))
    if unknown:
        raise IngestError(f"There is no published mart {printable(unknown[0])!r}: choose of {', '.join(found)}.")
    planned = []
    for name in sorted(set(tables) or set(found)):
        columns = connection.execute(
            "select column_name, data_type, comment from duckdb_columns() "
            "where schema_name = $schema and table_name = $table order by column_index",
            {"schema": MARTS, "table": name},
        ).fetchall()
        has_project = any(column == "project_id" for column, _, _ in columns)
        if projects and not has_project and not tables:
            continue
        if projects and not has_project:
            raise IngestError(f"{name} has no project_id, so it cannot be shared for some projects only: leave it out.")
        condition = project_filter(has_project, projects)
        rows = connection.execute(f"select count(*) from {MARTS}.{quoted(name)} where {condition}").fetchall()[0][0]
        shared = tuple(shared_columns(name, columns, treatments))
        planned.append(PlannedTable(name, found[name], int(rows), shared, condition))
    _refuse_unknown_projects(connection, projects)
    return planned


def share(
    data: DataDir,
    target: Path,
    tables: Sequence[str] = (),
    projects: Sequence[str] = (),
    progress: Progress | None = None,
) -> Share:
    """Write the export to `target`, which must not be there yet. Nothing else is written but the run log.

    Raises IngestError without consent, where nothing is published, where the disk refuses, and where the engine still
    finds something in what was written; there is no export then.
    """
    decision, allowed = require_consent(data, projects)
    refuse_target(target)
    with (
        data_lock(data, "share"),
        step(data, new_run_id(), "share") as counts,
        _written_beside(target) as aside,
        opened_read_only(published_database(data)) as connection,
    ):
        connection.execute("set threads = 1")  # so that row groups do not depend on the machine
        redactor = share_redactor(connection, load_or_create_key(data.redaction_key))
        sharer = TextSharer(redactor)
        planned = plan_share(connection, tables, allowed)
        files = []
        for done, table in enumerate(planned, start=1):
            files.append(_write_table(connection, aside, table, sharer))
            if progress:
                progress("share", done, len(planned))
        made = Share(
            made_at=f"{now():%Y-%m-%dT%H:%M:%SZ}",
            ope_version=__version__,
            rules_version=rules_version(read_rules(DEFAULT_RULES)),
            classes=CLASSES,
            projects=allowed,
            consent=_consent_record(decision, redactor),
            published=_published_state(connection),
            files=tuple(files),
        )
        content = orjson.dumps(
            {"share_version": SHARE_VERSION, **asdict(made), "replaced": made.replaced},
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
            default=str,
        )
        write_atomically(aside / README, readme(made).encode())
        write_atomically(aside / MANIFEST, content)
        with disk_errors(target):
            refuse_target(target)
            os.rename(aside, target)  # noqa: PTH104  (Path.rename would do the same)
            fsync_directory(target.parent)
        counts.update(files=len(files), rows=made.rows, bytes=made.bytes, replaced=sum(made.replaced.values()))
    return made


def refuse_target(target: Path) -> None:
    """Raises IngestError where an export cannot be put."""
    if os.path.lexists(target):
        raise IngestError(f"{printable(str(target))} is there already and is never changed: choose another directory.")
    if not target.parent.is_dir():
        raise IngestError(f"There is no directory {printable(str(target.parent))}: make it first.")


def share_redactor(connection: duckdb.DuckDBPyConnection, key: bytes) -> Redactor:
    """The rules of both classes, and one of the people whom the published marts name."""
    rules = read_rules(DEFAULT_RULES)
    tables = [(table.name, table.columns) for table in plan_share(connection)]
    return Redactor([*rules, *rule_of(known_people(connection, tables, rules))], key)


@contextmanager
def _written_beside(target: Path) -> Iterator[Path]:
    aside = target.with_name(f".{target.name}.unfinished")
    with disk_errors(aside):
        if aside.is_symlink():
            aside.unlink()
        elif aside.exists():
            shutil.rmtree(aside)
        make_private_directory(aside)
    try:
        yield aside
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _write_table(
    connection: duckdb.DuckDBPyConnection, root: Path, table: PlannedTable, sharer: TextSharer
) -> SharedTable:
    replaced = replaced_rows(connection, table.relation, table.columns, sharer, ROWS)
    connection.execute(f"alter table {ROWS} drop column is_changed")
    file = store_relation(connection, root, f"{table.name}.parquet", ROWS)
    connection.execute(f"drop table {ROWS}")
    if file.rows != table.rows:
        raise IngestError(f"{table.name} has {table.rows:,} rows, but {file.rows:,} were written: nothing was shared.")
    _verify(root, file, table, sharer)
    columns = tuple(
        {"name": column.name, "type": column.type, "treatment": column.treatment, "description": column.description}
        for column in table.columns
        if column.treatment != DROP
    )
    return SharedTable(
        file.path,
        table.name,
        table.description,
        file.rows,
        file.bytes,
        file.sha256,
        columns,
        dict(replaced.most_common()),
    )


def _verify(root: Path, file: ParquetFile, table: PlannedTable, sharer: TextSharer) -> None:
    """Read the file as its reader will: the engine must find nothing in it, and no column may be there that was left
    out. Raises IngestError, which never quotes what was found."""
    relation = f"read_parquet({sql_pattern(root / file.path)}, hive_partitioning = false)"
    with duckdb.connect() as connection:
        there = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]
        wanted = [column for column in table.columns if column.treatment != DROP]
        if there != [column.name for column in wanted]:
            raise IngestError(f"{file.path} has other columns than it should: nothing was shared.")
        for column in wanted:
            if column.treatment == KEPT:
                continue
            found = changes_of(connection, relation, column, sharer.of(column)).by_rule
            if found:
                raise IngestError(
                    f"{table.name}.{column.name} still holds what {', '.join(sorted(found))} would replace, so nothing "
                    "was shared: leave the table out, or have the column dropped in seeds/privacy/shared_columns.csv."
                )


def _refuse_unknown_projects(connection: duckdb.DuckDBPyConnection, projects: Sequence[str]) -> None:
    known = {row[0] for row in connection.execute(f"select project_id from {MARTS}.projects").fetchall()}
    unknown = sorted(set(projects) - known)
    if unknown:
        raise IngestError(f"No project {printable(unknown[0])!r} is published: choose of {', '.join(sorted(known))}.")


def _published_state(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    found = connection.execute(f"select * from {MARTS}.{STATE_TABLE}")
    return dict(zip((column[0] for column in found.description), found.fetchall()[0], strict=True))


def _consent_record(decision: Decision, redactor: Redactor) -> dict[str, Any]:
    return asdict(decision) | {"by": redactor.token(PERSON_RULE, decision.by.encode("utf-8"))}


def readme(made: Share) -> str:
    """What somebody needs who has only this directory."""
    lines = [
        "# Shared marts\n",
        f"Marts of OPE {made.ope_version}, exported {made.made_at} of what was published "
        f"{made.published.get('published_at')} (UTC). `{MANIFEST}` has rows, bytes, SHA-256 and columns of all.\n",
        "Secrets, and personal data that a rule knows (addresses, user names in paths, phone numbers, IP addresses), "
        "are replaced by `[REDACTED:<rule>:<16 characters>]`: the same value has the same 16 characters, and cannot "
        "be read back. What no rule and no author column knows, such as other names in texts, is not replaced.\n",
        "| file | rows | |",
        "| --- | ---: | --- |",
    ]
    for file in made.files:
        text = " ".join((file.description or "").split()).replace("|", "\\|")
        lines.append(f"| `{file.path}` | {file.rows:,} | {text} |")
    return "\n".join(lines) + "\n"
