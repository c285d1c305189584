"""Other files in the data directory: exports and whatever else people put there, found by the ids of the sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb
import orjson

from ingest.cold.changelog import CHANGELOG
from ingest.database import opened_read_only, quoted
from ingest.database_tables import first_catalog
from ingest.errors import IngestError
from ingest.files import printable
from ingest.forgetting.tombstones import tombstone_path
from ingest.paths import DataDir
from ingest.privacy.check import Checked, check_paths, list_files, search_file
from ingest.redaction import load_redactor
from ingest.registry import load_projects

SHARE_MANIFEST, SHARE_VERSION = "manifest.json", "share_version"
REPOSITORY = ".git"


def files_to_delete(data: DataDir, roots: Collection[str]) -> tuple[list[Path], list[str]]:
    """Files and exports below the data directory, outside of its own places, that name a session; and sentences on
    what could not be read. What a registered project is read from is never among them."""
    places = (*data.places_of_projects, data.runs, data.logs)
    own = {*places, data.outputs, data.archived, data.database, data.published, data.registry, data.consent}
    own |= {data.redaction_key, tombstone_path(data), data.root / CHANGELOG, data.root / REPOSITORY}
    own = {path.resolve() for path in own}
    paths = [path for path in _readable(data) if path not in own]
    top, wanted = data.root.resolve(), [root.encode() for root in roots]

    def search(_kind: str, content: bytes) -> list[tuple[int, str]]:
        return [(0, "id")] if any(root in content for root in wanted) else []

    found, checked = set(), Checked()
    for path, _ in list_files(paths, checked):
        hits, unread = search_file(path, str(path), search, printable)
        checked.unread += unread
        if hits:
            found.add(_export_of(top, path))
    unread_names = [(printable(item.path.removeprefix(f"{top}/")), item.reason) for item in checked.unread]
    return sorted(found), [f"{name} could not be read ({why}): look at it yourself." for name, why in unread_names]


def still_named(data: DataDir, root: str) -> dict[str, int]:
    """Where the id of a session stands: by file in lines, by table of a database in rows. Reads everything."""
    databases = [path.resolve() for path in (data.database, data.published) if path.exists()]
    others = [path for path in _readable(data) if path not in databases and path.name != REPOSITORY]
    checked = check_paths(
        others,
        load_redactor(data),
        below=data.root.resolve(),
        search=lambda _kind, content: _lines_naming(root.encode(), content),
    )
    counts = Counter(hit.path for hit in checked.hits)
    for path in databases:
        try:
            with opened_read_only(path) as connection:
                counts.update(_tables_naming(connection, path.name, root))
        except IngestError:
            counts[f"{path.name} (not looked at, another program has it open)"] += 1
    return dict(sorted(counts.items()))


def _lines_naming(root: bytes, content: bytes) -> Iterator[tuple[int, str]]:
    line, seen, at = 1, 0, content.find(root)
    while at >= 0:
        line, seen = line + content.count(b"\n", seen, at), at
        yield line, "id"
        at = content.find(root, at + len(root))


def _tables_naming(connection: duckdb.DuckDBPyConnection, name: str, root: str) -> dict[str, int]:
    texts = connection.execute(
        "select schema_name, table_name, list(column_name) from duckdb_columns() "
        "where database_name = $catalog and data_type = 'VARCHAR' and (schema_name, table_name) in "
        "(select schema_name, table_name from duckdb_tables() where database_name = $catalog) "
        "group by all order by all",
        {"catalog": first_catalog(connection)},
    ).fetchall()
    found = {}
    for schema, table, columns in texts:
        condition = " or ".join(f"contains({quoted(column)}, $root)" for column in columns)
        query = f"select count(*) from {quoted(schema)}.{quoted(table)} where {condition}"
        rows = connection.execute(query, {"root": root}).fetchall()[0][0]
        if rows:
            found[f"{printable(name)}: {schema}.{table}"] = int(rows)
    return found


def _export_of(top: Path, path: Path) -> Path:
    """The shared export that a file is a part of, as a whole, else the file."""
    for above in path.parents:
        if above == top or top not in above.parents:
            break
        try:
            if SHARE_VERSION in orjson.loads((above / SHARE_MANIFEST).read_bytes()):
                return above
        except (OSError, ValueError, TypeError):
            continue
    return path


def _readable(data: DataDir) -> list[Path]:
    """What lies at the top of the data directory, but for what holds a source of a project, as the sample's does."""
    sources: set[Path] = set()
    for project in load_projects(data):
        named = [*project.session_directories, *project.repository_paths, project.repository, project.git_metadata]
        sources |= {Path(path) for path in named if path}
    above = sources | {parent for source in sources for parent in source.parents}
    top = data.root.resolve()
    return sorted(path for path in top.iterdir() if path not in above and not path.is_symlink())
