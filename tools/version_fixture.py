"""A small file that holds a database of an earlier version and the plain files that it was landed from.

`python -m tools.version_fixture CHECKOUT` runs the program of another commit (a git worktree with its `.venv`) on the
bundled sample and writes `tests/fixtures/versions/<n>.tar.xz`, n being the version of schema `raw` that it makes.
With `--with-marts` what dbt built is kept too. Tests restore it (`restore`) and migrate it. To be run once per version,
with the last commit that makes it.

In the archive: `schema.sql`, `tables/<schema>.<name>.jsonl`, `views.json`, and `files/` of the data directory without
the transcripts, which are the lines of `raw.session_lines`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import duckdb

from ingest.database import CONFIG
from ingest.paths import DataDir
from ingest.sample import write_sample
from ingest.versions.database import found_version

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "versions"
# What a fixture was made in: its paths stand in the registry and in the manifest.
PLACE = Path(tempfile.gettempdir()) / "ope-version-fixture"
PROJECT = "tidebook"
# Of no use anywhere else: with a key of its own, every fixture has the same tokens.
KEY = hashlib.sha256(b"the key of the fixtures of earlier versions").hexdigest()
KEPT_AUDIT = ("model_logic", "ledger", "dbt_results")
BUILT_SCHEMAS = ("staging", "intermediate", "main")
# Of what dbt built, the columns matter, and that something is there that has to go.
BUILT_ROWS = 3
KEPT_FILES = ("projects.json", ".redaction_key", "runs", "processed", "raw")


def make(checkout: Path, *, with_marts: bool) -> Path:
    """Run the program of `checkout` on the sample and write the fixture of the version that it makes."""
    shutil.rmtree(PLACE, ignore_errors=True)
    data = PLACE / "data"
    data.mkdir(parents=True)
    (data / ".redaction_key").write_text(KEY + "\n", encoding="ascii")
    sample = write_sample(PLACE / "source")
    register = ("add-project", "--name", "Tidebook", "--id", PROJECT, "--repo", str(sample.repository))
    run(checkout, data, "python", "-m", "ingest", *register, "--sessions", str(sample.projects))
    run(checkout, data, "python", "-m", "ingest", "sync")
    run(checkout, data, "dbt", "--log-level", "warn", "build", "--exclude-resource-type", "unit_test", "test")
    path = write(data, with_marts=with_marts)
    shutil.rmtree(PLACE)
    return path


def run(checkout: Path, data: Path, program: str, *arguments: str) -> None:
    target = str(PLACE / "target")
    environment = os.environ | {
        "OPE_DATA_DIR": str(data),
        "DBT_PROFILES_DIR": str(checkout),
        "DBT_TARGET_PATH": target,
        "DBT_LOG_PATH": target,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    }
    command = [str(checkout / ".venv" / "bin" / program), *arguments]
    subprocess.run(command, cwd=checkout, env=environment, check=True)


def write(data: Path, *, with_marts: bool) -> Path:
    """The fixture of a data directory, named after the version of its database."""
    tables: list[tuple[str, str]] = []
    with duckdb.connect(str(data / "ope.db"), read_only=True) as connection:
        version = found_version(connection)
        found = connection.execute(
            "select schema_name, table_name, sql from duckdb_tables() where database_name = current_database() "
            "order by all"
        ).fetchall()
        views = connection.execute(
            "select sql from duckdb_views() where database_name = current_database() and not internal order by all"
        ).fetchall()
        statements = []
        for schema, name, sql in found:
            is_kept = schema == "raw" or (schema == "audit" and name in KEPT_AUDIT)
            if is_kept or (with_marts and schema in BUILT_SCHEMAS):
                tables.append((schema, name))
                statements.append(sql)
        FIXTURES.mkdir(parents=True, exist_ok=True)
        path = FIXTURES / f"{version}.tar.xz"
        with tarfile.open(path, "w:xz", preset=9) as archive:
            add(archive, "schema.sql", "\n".join(statements))
            add(archive, "views.json", json.dumps([sql for (sql,) in views if with_marts]))
            for schema, name in tables:
                part = PLACE / "part.jsonl"
                rows = f"limit {BUILT_ROWS}" if schema in BUILT_SCHEMAS else ""
                connection.execute(f'copy (from "{schema}"."{name}" order by all {rows}) to \'{part}\' (format json)')
                add(archive, f"tables/{schema}.{name}.jsonl", part.read_text(encoding="utf-8"))
            for file in sorted(item for kept in KEPT_FILES for item in files_of(data / kept)):
                if file.suffix != ".jsonl" or "sessions" not in file.parts or not is_told_by_lines(connection, file):
                    add(archive, f"files/{file.relative_to(data)}", file.read_bytes())
    return path


def is_told_by_lines(connection: duckdb.DuckDBPyConnection, transcript: Path) -> bool:
    """Whether the lines that were landed are the file, byte for byte: of odd ones they are not."""
    digest = hashlib.sha256(transcript.read_bytes()).hexdigest()
    found = connection.execute("select file_id from raw.session_files where content_hash = ?", [digest]).fetchall()
    return bool(found) and hashlib.sha256(lines_of(connection, found[0][0])).hexdigest() == digest


def lines_of(connection: duckdb.DuckDBPyConnection, file_id: str) -> bytes:
    lines = connection.execute(
        "select line from raw.session_lines where file_id = ? order by line_number", [file_id]
    ).fetchall()
    return "".join(f"{line}\n" for (line,) in lines).encode()


def files_of(path: Path) -> list[Path]:
    return [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]


def add(archive: tarfile.TarFile, name: str, text: str | bytes) -> None:
    content = text.encode() if isinstance(text, str) else text
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def restore(version: int, root: Path) -> DataDir:
    """The data directory of a fixture below `root`: its database as that version made it, and its files."""
    data = DataDir(root)
    root.mkdir(parents=True, exist_ok=True)
    views: list[str] = []
    with (
        tarfile.open(FIXTURES / f"{version}.tar.xz", "r:xz") as archive,
        duckdb.connect(str(data.database), config=CONFIG) as connection,
        tempfile.TemporaryDirectory() as scratch,
    ):
        for info in archive:
            member = archive.extractfile(info)
            content = b"" if member is None else member.read()
            kind, _, name = info.name.partition("/")
            if kind == "files":
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)
            elif kind == "tables":
                part = Path(scratch) / "part.jsonl"
                part.write_bytes(content)
                fill(connection, name.removesuffix(".jsonl"), part)
            elif info.name == "views.json":
                views = json.loads(content)
            else:
                for schema in ("raw", "audit", *BUILT_SCHEMAS):
                    connection.execute(f"create schema if not exists {schema}")
                connection.execute(content.decode())
        create_views(connection, views)
        write_transcripts(connection, data)
    return data


def fill(connection: duckdb.DuckDBPyConnection, table: str, part: Path) -> None:
    schema, _, name = table.partition(".")
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?", [schema, name]
    ).fetchall()
    types = "{" + ", ".join(f"'{column}': '{kind}'" for column, kind in columns) + "}"
    connection.execute(
        f'insert into "{schema}"."{name}" by name '
        f"from read_json('{part}', format = 'newline_delimited', columns = {types})"
    )


def create_views(connection: duckdb.DuckDBPyConnection, views: list[str]) -> None:
    """Views of views, and of seeds that are not kept: as many as can be made."""
    while views:
        left = []
        for sql in views:
            try:
                connection.execute(sql)
            except duckdb.Error:
                left.append(sql)
        if len(left) == len(views):
            return
        views = left


def write_transcripts(connection: duckdb.DuckDBPyConnection, data: DataDir) -> None:
    """The archived transcripts, out of their lines; the hash of each says whether it is the file that was landed."""
    files = connection.execute("select file_id, project_id, path, content_hash from raw.session_files").fetchall()
    for file_id, project_id, path, content_hash in files:
        target = data.raw(project_id) / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(lines_of(connection, file_id))
        if hashlib.sha256(target.read_bytes()).hexdigest() != content_hash:
            raise ValueError(f"{path} is not the file that its lines were landed from")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--with-marts", action="store_true")
    chosen = parser.parse_args()
    made = make(chosen.checkout.resolve(), with_marts=chosen.with_marts)
    print(f"{made}: {made.stat().st_size:,} bytes", file=sys.stdout)
