"""A data directory in which one session has left a word and its id wherever something of a session can be."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import duckdb

from ingest.cold.snapshots import make_snapshot
from ingest.forgetting.forget import Forgotten, forget
from ingest.forgetting.plan import plan_forgetting
from ingest.forgetting.targets import find_target
from ingest.paths import DataDir
from tests.cold.cold_place import PROJECT, ColdPlace, record

GONE = "fade0000-1111-4222-8333-444455556666"
WORD = "quillwort"
SHARED = "shared-with-fork-a"
PUBLISHED = """
create schema if not exists reference;
create table reference.rules as select 'r' as rule_id;
create table main.sessions as select * from (values
    ('{gone}', '{gone}', 'one', '{word}'), ('{gone}', '{gone}/agent-a', 'one', '{word}'), ('old', 'old', 'one', 'kept')
) as rows (root_session_id, session_id, project_id, title);
comment on table main.sessions is 'One row per session.';
create table main.messages as select session_id, title as text from main.sessions;
create table main.commits as select * from (values ('c1', '{gone}'), ('c2', 'old')) as rows (sha, linked_session_id);
create table main.quality_gates as select 'drift' as gate, '{word}' as example;
create table main.projects as select 'one' as project_id, 'One' as name;
create table main.publish_state as select timestamp '2026-02-01 10:00:00' as published_at,
    timestamp '2026-02-01 09:00:00' as built_at, 'run-1' as run_id, 9::bigint as published_rows;
"""
BUILT = """
create table main.quality_gates as select 'drift' as gate, '{word}' as example;
create table audit.a_failed_test as select '{word}' as found;
create table audit.ledger as select * from (values ('m', '{gone}', 'h'), ('m', 'old', 'h')) as rows (model, unit_id, h);
create table intermediate.int_words as select '{gone}' as root_session_id, '{word}' as word union all select 'old', 'x';
"""


class ForgetPlace(ColdPlace):
    """Its project `one` has the session GONE, of which `fork-a` holds a copy of one record."""

    def make(self) -> ForgetPlace:
        super().make()
        said = {"message": {"content": f"say {WORD}"}, "cwd": f"/home/{WORD}"}
        self.write(
            f"{GONE}.jsonl",
            record("g1", "2024-01-02", **said) + f"no json {WORD}\n".encode() + record(SHARED, "2024-01-03"),
        )
        self.write(f"{GONE}/subagents/agent-a.jsonl", record("g2", "2024-01-02", **said))
        self.write(f"{GONE}/subagents/agent-a.meta.json", json.dumps({"agentType": WORD}).encode())
        self.write(f"{GONE}/tool-results/{WORD}.txt", f"{WORD}\n".encode())
        self.write("fork-a.jsonl", record("f1", "2024-02-01") + record(SHARED, "2024-01-03"))
        return self

    def spread(self) -> None:
        """Leave the word and the id beside the archive too."""
        self._labels()
        self._texts()
        self._exports()
        with duckdb.connect(str(self.data.database)) as connection:
            for statement in BUILT.format(gone=GONE, word=WORD).split(";\n"):
                connection.execute(statement)
        with duckdb.connect(str(self.data.published)) as connection:
            connection.execute(PUBLISHED.format(gone=GONE, word=WORD))
        make_snapshot(self.data, "v1.0")

    def _labels(self) -> None:
        sha = "ab" * 20
        folder = self.data.validation(PROJECT)
        folder.mkdir(parents=True)
        header = "session_id,commit_sha,message_uuid,label,is_sure,labelled_by,labelled_at,note\n"
        rows = f"{GONE},{sha},,linked,1,ada,,{WORD}\nold,{sha},,not_linked,1,ada,,kept\n"
        (folder / "session_commit.people.csv").write_text(header + rows)
        rows = f",,g1,approve,1,ada,,{WORD}\n,,{SHARED},approve,1,ada,,kept\n"
        (folder / "reaction.people.csv").write_text(header + rows)
        (folder / "session_commit.more.csv").write_text(header + f"{GONE},{sha},,linked,1,ada,,{WORD}\n")
        lines = [{"session_id": GONE, "detail": WORD}, {"session_id": "old", "detail": "kept"}]
        self.data.low_confidence.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _texts(self) -> None:
        place = f"raw/one/sessions/source/{GONE}/tool-results/{WORD}.txt"
        record = {"run_id": "r", "step": "archive", "project_id": "one", "started_at": "2026-01-02T03:04:05"}
        record |= {"ended_at": "2026-01-02T03:04:06", "status": "failed", "counts": {}, "bytes": None}
        lines = [{**record, "error": f"Cannot write {place}: full."}, {**record, "error": "kept"}]
        (self.data.runs / "2026-01.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        log = (
            json.dumps({"ts": "2026-01-02T03:04:05Z", "event": "command failed", "error": f"{WORD}.txt is odd"}) + "\n"
        )
        self.data.logs.mkdir(exist_ok=True)
        (self.data.logs / "errors-2026-01-02.jsonl").write_text(log + f"half a line {GONE}\n")
        (self.data.logs / "errors-2026-01-01.jsonl.gz").write_bytes(gzip.compress(log.encode()))
        self.data.notes(PROJECT).write_text(f"# Notes\n\nSession {GONE} was a mistake, look at old.\n")
        night = self.data.run_outputs("20260102T030405Z-abcdef", "nightly")
        night.mkdir(parents=True)
        (night / "metadata.json").write_text(json.dumps({"sentences": [f"{place} is odd"]}))
        (self.data.outputs / "report.html").write_text(f"<p>{WORD}</p>")

    def _exports(self) -> None:
        shared = self.data.root / "exports" / "shared"
        shared.mkdir(parents=True)
        (shared / "manifest.json").write_text(json.dumps({"share_version": 1}))
        with duckdb.connect() as connection:
            query = f"select '{GONE}' as session_id, '{WORD}' as title"
            connection.execute(f"copy ({query}) to '{shared}/sessions.parquet' (format parquet)")
            connection.execute(f"copy (select '{WORD}' as word) to '{shared}/words.parquet' (format parquet)")
        (self.data.root / "exports" / "all.csv.gz").write_bytes(gzip.compress(f"{GONE},{WORD}\n".encode()))
        (self.data.root / "exports" / "mine.txt").write_text("kept")

    def copy(self, root: Path) -> ForgetPlace:
        return ForgetPlace(super().copy(root).root)

    def forget(self, name: str = GONE) -> Forgotten:
        target = find_target(self.data, name)
        return forget(self.data, target, plan_forgetting(self.data, target).counts)

    def tree(self) -> dict[str, bytes]:
        """Every file of the data directory."""
        top = self.data.root
        return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


def found_in(data: DataDir, words: Iterable[str]) -> list[str]:
    """Where any of the words stands below a data directory: in a name, a byte, a packed byte, or a value of a table."""
    wanted = [word.encode() for word in words]
    found = []
    for path in sorted(data.root.rglob("*")):
        name = str(path.relative_to(data.root))
        texts = [name.encode()]
        if path.is_file():
            content = path.read_bytes()
            texts += [content, *([gzip.decompress(content)] if path.suffix == ".gz" else [])]
            texts += _values(path) if path.suffix in (".db", ".parquet") else []
        found += [name for word in wanted if any(word in text for text in texts)]
    return sorted(set(found))


def _values(path: Path) -> list[bytes]:
    with duckdb.connect() as connection:
        if path.suffix == ".parquet":
            tables = [f"read_parquet('{path}')"]
        else:
            connection.execute(f"attach '{path}' as db (read_only)")
            rows = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'db' order by all"
            ).fetchall()
            tables = [f'db."{schema}"."{table}"' for schema, table in rows]
        return [repr(connection.execute(f"from {table}").fetchall()).encode() for table in tables]
