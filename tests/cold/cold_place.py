"""A data directory with sessions that can go to cold storage, and a warehouse that looks built."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from ingest.cold.archiving import Moved, archive_sessions
from ingest.cold.journal import settle
from ingest.cold.restoring import Restored, cold_sessions, named_cold, restore_sessions
from ingest.cold.selection import Selection, select_named
from ingest.manifest import ManifestEntry, read_manifest
from ingest.paths import DataDir
from ingest.registry import load_projects, save_projects
from ingest.sync import SyncResult, sync
from tests.ingest.landing_place import project

PROJECT = "one"
# What a session needs of the warehouse to be moved, made from the landed lines as dbt would; two marts of sessions.
BUILT = """
create schema if not exists staging;
create schema if not exists intermediate;
create schema if not exists audit;
create or replace table staging.stg_claude_code__records as
select
    split_part(files.session_id, '/', 1) as root_session_id, files.session_id, files.project_id,
    json_extract_string(line, '$.uuid') as uuid,
    try_cast(json_extract_string(line, '$.timestamp') as timestamp) as sent_at
from raw.session_lines as lines inner join raw.session_files as files on lines.file_id = files.file_id
where lines.is_json;
create or replace table intermediate.int_records__owners as
select distinct
    'record' as key_kind, a.uuid as record_key, a.root_session_id,
    min(b.root_session_id) over (partition by a.uuid) as owner_root_session_id
from staging.stg_claude_code__records as a
inner join staging.stg_claude_code__records as b on a.uuid = b.uuid and a.root_session_id != b.root_session_id;
create or replace table main.projects as select project_id from raw.projects;
create or replace table main.sessions as
select root_session_id, session_id, any_value(project_id) as project_id, count(*) as lines, max(sent_at) as ended_at
from staging.stg_claude_code__records group by all;
create or replace table main.messages as
select session_id, project_id, uuid, sent_at from staging.stg_claude_code__records;
create or replace table main.commits as select 'c' as commit_sha;
create or replace table audit.dbt_results as
select
    'model' as node_type, unnest(['sessions', 'messages']) as node_name, 'success' as status,
    $at::timestamp as started_at;
"""


def record(uuid: str, day: str, **fields: object) -> bytes:
    """A line of a transcript, of a day at noon."""
    return json.dumps({"type": "user", "uuid": uuid, "timestamp": f"{day}T12:00:00.000Z", **fields}).encode() + b"\n"


@dataclass
class ColdPlace:
    """`source` is the agent's directory; its one project is `one`."""

    root: Path

    @property
    def data(self) -> DataDir:
        return DataDir(self.root / "data")

    @property
    def source(self) -> Path:
        return self.root / "source"

    def make(self) -> ColdPlace:
        """Register the project; leave an old session with every kind of file, a newer one and two that share a line."""
        self.source.mkdir(parents=True)
        save_projects(self.data, [self.registered()])
        self.write("old.jsonl", record("o1", "2024-01-05") + b"no json \xff\n\n" + record("o2", "2024-01-09"))
        self.write("old/subagents/agent-a.jsonl", record("o3", "2024-01-07"))
        self.write("old/subagents/agent-a.meta.json", b'{"agentType": "x"}')
        self.write("old/tool-results/t.txt", b"text\nwithout a last newline")
        self.write("old/subagents/agent-empty.jsonl", b"")
        self.write("lone.jsonl", record("l1", "2024-01-20"))
        self.write("new.jsonl", record("n1", "2025-06-01"))
        self.write("fork-a.jsonl", record("f1", "2024-02-01"))
        self.write("fork-b.jsonl", record("f1", "2024-02-01") + record("f2", "2024-03-01"))
        return self

    def registered(self):
        values = vars(project(PROJECT)) | {"session_directories": (str(self.source),)}
        return type(project(PROJECT))(**values)

    def write(self, name: str, content: bytes, age: float = 100_000) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        at = datetime.now(timezone.utc).timestamp() - age
        os.utime(path, (at, at))
        return path

    def copy(self, root: Path) -> ColdPlace:
        """The same somewhere else, sources with their times."""
        shutil.copytree(self.root, root)
        place = ColdPlace(root)
        text = place.data.registry.read_text().replace(str(self.root), str(root))
        place.data.registry.write_text(text)
        return place

    def sync(self) -> SyncResult:
        return sync(self.data)

    def build(self) -> None:
        """The warehouse as after a build."""
        with duckdb.connect(str(self.data.database)) as connection:
            for statement in BUILT.split(";\n"):
                if statement.strip():
                    values = {"at": datetime.now(timezone.utc).replace(tzinfo=None)} if "$at" in statement else {}
                    connection.execute(statement, values)

    def night(self) -> SyncResult:
        done = self.sync()
        self.build()
        return done

    def select(self, *session_ids: str, before: datetime | None = None) -> Selection:
        return select_named(self.data, load_projects(self.data), session_ids, before)

    def archive(self, *session_ids: str) -> Moved:
        settle(self.data)
        return archive_sessions(self.data, self.select(*session_ids).chosen)

    def restore(self, *session_ids: str) -> Restored:
        settle(self.data)
        return restore_sessions(self.data, named_cold(cold_sessions(self.data), session_ids, None)[0])

    def entries(self) -> dict[str, ManifestEntry]:
        return read_manifest(self.data.manifest(PROJECT))

    def raw(self) -> dict[str, bytes]:
        """Every archived file that is there, by its path in the manifest."""
        top = self.data.raw(PROJECT)
        return {
            path.relative_to(top).as_posix(): path.read_bytes()
            for path in sorted((top / "sessions").rglob("*"))
            if path.is_file()
        }

    def cold_roots(self) -> set[str]:
        return {entry.session_id.split("/")[0] for entry in self.entries().values() if entry.cold}

    def parquet(self) -> list[str]:
        return sorted(path.relative_to(self.data.archived).as_posix() for path in self.data.archived.rglob("*.parquet"))

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.data.database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def landed(self) -> set[object]:
        return {row[0] for row in self.ask("select distinct split_part(session_id, '/', 1) from raw.session_files")}
