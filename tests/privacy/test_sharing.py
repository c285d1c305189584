"""Shared exports: nothing without consent, no secret and no personal data in any file, the same person one token."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import duckdb
import pytest
import yaml
from click.testing import CliRunner

from ingest.below import hash_below
from ingest.cli import main
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.privacy import sharing
from ingest.privacy.consent import ENABLED, decide
from ingest.privacy.preview import preview_share
from ingest.privacy.shared_columns import SEED, read_treatments
from ingest.privacy.sharing import share
from ingest.redaction import DEFAULT_RULES
from ingest.redaction.rules import expand_example, read_rules
from ingest.registry import save_projects
from tests.ingest.landing_place import project
from tests.warehouse import Warehouse

pytestmark = pytest.mark.slow

NAME, ACCOUNT = "Quelle Bergmann", "quelleb"
ADDRESS = "quelle" + "@" + "firma-nord.de"
SECRET = "gh" + "p_" + expand_example("{{alnum:36}}", 1)[0]
PERSONAL = (NAME, ACCOUNT, ADDRESS, SECRET)
TOKEN = re.compile(r"\[REDACTED:\w+:([A-Z2-7]{16})\]")
MARTS = """
create table main.projects as select unnest(['one', 'two']) as project_id;
create table main.commits as
select project_id, 'c' || project_id as commit_sha, $name as author_name, $address as author_email,
    'dependabot[bot]' as committer_name, 'noreply@github.com' as committer_email,
    'Fix' || chr(10) || chr(10) || 'Signed-off-by: ' || $name || ' <' || $address || '>' as message
from main.projects;
create table main.sessions as
select project_id, 's' as session_id, '/home/' || $account || '/x' as first_cwd from projects;
create table main.tool_calls as
select
    project_id, range as call, timestamp '2026-01-01' + interval (range) minute as sent_at,
    json_object('path', 'C:\\Users\\' || $account || '\\a.txt', 'inner', cast(json_object('to', $address) as varchar))
        as input,
    case range when 0 then 'export T=' || $secret when 1 then null when 2 then ''
        when 3 then 'on ' || $account || '/fix, says ' || $name || '; x' || $account || 'x' else 'plain ' || range end
        as result_text,
    ['/home/' || $account || '/a', null, 'b'] as paths,
    {{'who': {{'mail': $address}}, 'n': 1}} as nested,
    map {{'k': '/Users/' || $account || '/z'}} as named
from main.projects, range(40);
create table main.update_log as select 'sync' as action;
create table main.publish_state as select timestamp '2026-02-01 10:00:00' as published_at, 'run-1' as run_id;
comment on table main.commits is 'One row per commit.';
"""


def _literals(sql: str) -> str:
    values = {"name": NAME, "address": ADDRESS, "account": ACCOUNT, "secret": SECRET}
    return re.sub(r"\$(\w+)", lambda found: f"'{values[found[1]]}'", sql.replace("{{", "{").replace("}}", "}"))


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    save_projects(data, [project("one"), project("two")])
    with duckdb.connect(str(data.published)) as connection:
        connection.execute(_literals(MARTS))
    return data


def contents(root: Path) -> bytes:
    """All that the files say, uncompressed."""
    said = [path.read_bytes() for path in root.glob("*.[jm]*")]
    with duckdb.connect() as connection:
        for path in sorted(root.glob("*.parquet")):
            said.append(json.dumps(connection.execute(f"from '{path}'").fetchall(), default=str).encode())
    return b"\n".join(said)


def test_without_consent_nothing_is_written(data: DataDir, tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="consent is not configured"):
        share(data, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_no_secret_and_nobody_is_in_it_at_any_depth(data: DataDir, tmp_path: Path) -> None:
    decide(data, ENABLED, NAME)
    out = tmp_path / "out"
    made = share(data, out)
    said = contents(out)
    assert [text for text in PERSONAL if re.search(rb"\b" + text.encode() + rb"\b", said)] == []
    assert set(made.replaced) == {
        *("person_name", "email_address", "home_directory", "home_directory_windows", "github_token", "known_person"),
    }
    with duckdb.connect() as connection:
        commit = connection.execute(f"from '{out}/commits.parquet' where project_id = 'one'").fetchall()[0]
        calls = connection.execute(f"from '{out}/tool_calls.parquet' order by project_id, call").fetchall()
        described = connection.execute(f"describe from '{out}/tool_calls.parquet'").fetchall()
        types = {row[0]: row[1] for row in described}
    _, sha, name, address, bot, noreply, message = commit
    assert (sha, bot, noreply) == ("cone", "dependabot[bot]", "noreply@github.com")
    # the same person is the same token, in a column of its own and in a text
    assert TOKEN.fullmatch(name) and message == f"Fix\n\nSigned-off-by: {name} <{address}>"
    assert len(calls) == 80 and [row[4] for row in (calls[1], calls[2], calls[4])] == [None, "", "plain 4"]
    assert TOKEN.sub("@", calls[0][4]) == "export T=@"
    # whom a path or a column names is found by name in a text, as a word
    assert TOKEN.sub("@", calls[3][4]) == f"on @/fix, says @; x{ACCOUNT}x"
    assert TOKEN.findall(calls[3][4])[1] == TOKEN.fullmatch(name)[1]
    assert json.loads(json.loads(calls[0][3])["inner"])["to"] == address
    assert TOKEN.sub("@", json.loads(calls[0][3])["path"]) == "C:\\Users\\@\\a.txt"
    assert [TOKEN.sub("@", text or "–") for text in calls[0][5]] == ["/home/@/a", "–", "b"]
    assert calls[0][6] == {"who": {"mail": address}, "n": 1} and TOKEN.sub("@", calls[0][7]["k"]) == "/Users/@/z"
    assert types["paths"] == "VARCHAR[]" and types["named"] == "MAP(VARCHAR, VARCHAR)"
    document = json.loads((out / "manifest.json").read_text())
    sessions = next(file for file in document["files"] if file["table"] == "sessions")
    assert [column["name"] for column in sessions["columns"]] == ["project_id", "session_id"]
    assert document["consent"]["state"] == "enabled" and document["consent"]["by"] == name
    assert document["rules_version"] and document["classes"] == ["secret", "personal"]
    if os.name == "posix":
        assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
        assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_what_the_manifest_says_of_a_file_is_so_and_the_same_rows_give_the_same_bytes(
    data: DataDir, tmp_path: Path
) -> None:
    decide(data, ENABLED, "Ada")
    first, second = share(data, tmp_path / "a"), share(data, tmp_path / "b")
    assert [(file.bytes, file.sha256) for file in first.files] == [
        hash_below(tmp_path / "b", file.path) for file in second.files
    ]


def test_of_one_project_only_its_rows_leave(data: DataDir, tmp_path: Path) -> None:
    decide(data, ENABLED, "Ada", ["one"])
    made = share(data, tmp_path / "out")
    assert {file.table for file in made.files} == {"commits", "projects", "sessions", "tool_calls"}
    assert b"two" not in contents(tmp_path / "out") and made.projects == ("one",)
    assert [file.table for file in share(data, tmp_path / "few", ["commits"], ["one"]).files] == ["commits"]
    for tables, projects, sentence in (
        (["nothing"], [], "no published mart 'nothing'"),
        (["update_log"], ["one"], "no project_id"),
        ([], ["two"], "not for two"),
    ):
        with pytest.raises(IngestError, match=sentence):
            share(data, tmp_path / "other", tables, projects)
    assert not (tmp_path / "other").exists()


def test_what_the_engine_still_finds_stops_it(data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(data, ENABLED, "Ada")

    def forgets(connection, relation, columns, sharer, name):
        selected = ", ".join(column.name for column in columns if column.treatment != "drop")
        connection.execute(
            f"create or replace temp table {name} as select {selected}, false as is_changed from {relation}"
        )
        return sharing.Counter()

    monkeypatch.setattr(sharing, "replaced_rows", forgets)
    with pytest.raises(IngestError, match=r"commits\.author_name still holds what person_name would replace") as raised:
        share(data, tmp_path / "out")
    assert not [text for text in PERSONAL if text in str(raised.value)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_kill_leaves_nothing_in_its_place_and_the_next_one_clears_up(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(data, ENABLED, "Ada")
    with monkeypatch.context() as patched:
        patched.setattr(sharing.os, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(IngestError, match="disk is full"):
            share(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    left = tmp_path / ".out.unfinished"
    left.mkdir()
    (left / "x.parquet").write_text("half")
    share(data, tmp_path / "out")
    assert not left.exists() and not (tmp_path / "out" / "x.parquet").exists()
    with pytest.raises(IngestError, match="there already"):
        share(data, tmp_path / "out")


def test_a_column_in_which_nothing_can_be_found_is_refused(data: DataDir, tmp_path: Path) -> None:
    with duckdb.connect(str(data.published)) as connection:
        connection.execute("create table main.files as select 'one' as project_id, 'abc'::blob as content")
    decide(data, ENABLED, "Ada")
    with pytest.raises(IngestError, match=r"files\.content has the type BLOB"):
        share(data, tmp_path / "out")


def test_a_preview_needs_no_consent_and_writes_nothing(data: DataDir) -> None:
    before = sorted(path.name for path in data.root.rglob("*"))
    found = {table.name: table for table in preview_share(data, examples=3)}
    assert sorted(path.name for path in data.root.rglob("*")) == before
    assert found["commits"].hashed == ["author_name", "author_email", "committer_name", "committer_email"]
    assert found["sessions"].dropped == ["first_cwd"] and "first_cwd" not in found["sessions"].examples[0]
    assert found["commits"].replaced == {"person_name": 4, "email_address": 4}
    assert len(found["tool_calls"].examples) == 3 and found["tool_calls"].replaced["github_token"] == 2
    said = json.dumps([table.examples for table in found.values()], default=str)
    assert not [text for text in PERSONAL if re.search(rf"\b{text}\b", said)]


def test_the_command_shares_previews_and_refuses(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPE_DATA_DIR", str(data.root))
    run = CliRunner().invoke
    shown = run(main, ["share", "--preview", "--examples", "1"])
    assert shown.exit_code == 0 and "not configured" in shown.output and ADDRESS not in shown.output
    assert (
        json.loads(run(main, ["share", "--preview", "--json", "--tables", "commits"]).stdout)["tables"][0]["rows"] == 2
    )
    assert run(main, ["share"]).exit_code == 2
    assert run(main, ["share", str(tmp_path / "out"), "--dry-run"]).exit_code == 1
    decide(data, ENABLED, "Ada")
    planned = json.loads(run(main, ["share", str(tmp_path / "out"), "--dry-run", "--json"]).stdout)
    assert {"path": "commits.parquet", "rows": 2} in planned["files"] and not (tmp_path / "out").exists()
    done = run(main, ["share", str(tmp_path / "out"), "--tables", "commits, projects", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["replaced"] == {"person_name": 4, "email_address": 4}


def test_every_column_of_a_mart_that_names_somebody_has_a_treatment() -> None:
    treatments = read_treatments(read_rules(DEFAULT_RULES))
    there, named = set(), set()
    for path in Warehouse.original("models/marts").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text()) or {}).get("models", []):
            for column in model["columns"]:
                there.add((model["name"], column["name"]))
                if re.search(r"author(?!ed)|committer|e?mail|(?:^|_)(?:user|person|by|cwd|home)$", column["name"]):
                    named.add((model["name"], column["name"]))
    assert set(treatments) <= there, f"{SEED} names columns that no mart has"
    assert {one for one in named if one not in treatments} == set()
