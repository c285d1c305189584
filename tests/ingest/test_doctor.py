"""`doctor`: a healthy directory gives no warning, each thing that is broken gives its finding and its remedy."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import orjson
import pytest

from ingest.care import checks_files, checks_place, checks_program, checks_sources, doctor
from ingest.care.backup import back_up
from ingest.care.backup_restore import verify
from ingest.care.checks_place import file_system
from ingest.care.doctor import examine
from ingest.care.findings import Finding, Patient
from ingest.data_repository import ignore_text, init_data
from ingest.errors import IngestError
from ingest.locks import HOLDER
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.runlog import now
from tests.ingest.shell import Shell, git

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A project that was synced, once for all tests here."""
    shell = Shell(tmp_path_factory.mktemp("template").resolve())
    shell.make_repository()
    shell.write_session("s1")
    shell.run("add-project", "--name", "My App", "--repo", str(shell.repository))
    shell.run("sync")
    return shell


@pytest.fixture
def synced(template: Shell, shell: Shell) -> Shell:
    """A copy of it, with the paths of its own."""
    old, new = template.data.parent, shell.data.parent
    shutil.copytree(old, new, dirs_exist_ok=True, symlinks=True)
    for path in (shell.data / "projects.json", shell.data / "raw" / "my-app" / "manifest.jsonl"):
        path.write_text(path.read_text().replace(str(old), str(new)))
    return shell


@pytest.fixture
def agent(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The agent's home, for functions too; git without anybody's settings."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(shell.home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    shell.home.mkdir(exist_ok=True)
    return shell.home


@pytest.fixture
def data(agent: Path, synced: Shell) -> DataDir:
    synced.data.chmod(0o700)
    return DataDir(synced.data)


def findings(check: doctor.Check, data: DataDir, moment: datetime | None = None) -> list[Finding]:
    return list(check(Patient(data, moment or now())))


def levels(check: doctor.Check, data: DataDir, moment: datetime | None = None) -> list[str]:
    return [finding.level for finding in findings(check, data, moment)]


def said(check: doctor.Check, data: DataDir, moment: datetime | None = None) -> str:
    found = findings(check, data, moment)
    assert all(finding.remedy for finding in found if finding.level != "ok")
    return "\n".join(f"{finding.level}: {finding.sentence} → {finding.remedy}" for finding in found)


def test_a_healthy_directory_has_nothing_to_mend(data: DataDir, synced: Shell, tmp_path: Path, monkeypatch) -> None:
    init_data(data.root)
    back_up(data, tmp_path / "backups")
    verify(data)
    monkeypatch.setattr(checks_place, "is_same_disk", lambda *_: False)
    found = examine(data)
    assert [finding for finding in found.findings if finding.level != "ok"] == []
    printed = synced.run("doctor").stdout
    assert "0 errors, 0 warnings" in printed
    document = synced.json("doctor")
    checks = {each["check"] for each in document["findings"]}
    assert document["errors"] == 0 and checks >= {"python", "backup", "key"}
    page = (PRODUCT_ROOT / "docs" / "backup.md").read_text().partition("## What doctor looks at")[2]
    assert checks <= {
        name for row in page.splitlines() for name in row.partition("| ")[2].partition(" |")[0].split(", ")
    }


def test_nothing_is_changed_by_looking(data: DataDir) -> None:
    def picture() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in (data.root, *data.root.rglob("*"))
        }

    before = picture()
    examine(data)
    after = picture()
    # A file without a name tells whether the directory can be written: its own time is all that it leaves.
    assert {path for path in before | after if before.get(path) != after.get(path)} <= {str(data.root)}


def test_no_data_directory_and_a_check_that_fails_are_findings(tmp_path: Path, monkeypatch) -> None:
    nothing = DataDir(tmp_path / "nothing")
    found = examine(nothing)
    assert found.must_be_mended and "There is no data directory" in str(found.findings)
    assert not nothing.root.exists()

    def check_this(patient: Patient) -> Iterator[Finding]:
        raise IngestError("It is broken.")
        yield

    monkeypatch.setattr(doctor, "CHECKS", (check_this,))
    assert [(each.check, each.level) for each in examine(nothing).findings] == [("this", "error")]


def test_what_others_may_read_is_found_and_closed(data: DataDir, synced: Shell, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "elsewhere").chmod(0o644)
    (data.root / "raw" / "link").symlink_to(tmp_path / "elsewhere")
    data.redaction_key.chmod(0o644)
    data.raw("my-app").chmod(0o755)
    assert "warning: Others may read 2 paths" in said(checks_files.check_permissions, data)
    data.root.chmod(0o755)
    assert "error: Others may read 2 paths, the first .redaction_key." in said(checks_files.check_permissions, data)
    assert synced.json("doctor", code=1)["errors"] == 1
    assert synced.json("doctor", "--fix")["closed"] == 3
    assert levels(checks_files.check_permissions, data) == ["ok"]
    assert stat.S_IMODE(data.redaction_key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o644


def test_files_of_another_user_are_an_error(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    assert "of another user" in said(checks_files.check_permissions, data) and "chown" in said(
        checks_files.check_permissions, data
    )
    assert checks_files.close_paths(data) == 0


@pytest.mark.parametrize(("content", "word"), [(None, "is gone"), ("abc", "is damaged")])
def test_the_key_is_missed_before_a_new_one_is_made(data: DataDir, content: str | None, word: str) -> None:
    data.redaction_key.unlink()
    if content:
        data.redaction_key.write_text(content)
    assert word in said(checks_files.check_key, data) and levels(checks_files.check_key, data) == ["error"]


def test_databases_that_are_no_database_cut_off_or_old_are_told_apart(data: DataDir) -> None:
    assert levels(checks_files.check_databases, data) == ["ok"]
    whole = data.database.read_bytes()
    data.database.write_bytes(b"no database at all" * 1000)
    assert levels(checks_files.check_databases, data) == ["error"]
    data.database.unlink()
    with duckdb.connect(str(data.database)) as connection:
        connection.execute("create table t as select range as i, md5(i::varchar) as m from range(200000)")
    assert "storage version v1.0" in said(checks_files.check_databases, data)
    os.truncate(data.database, data.database.stat().st_size - 600_000)
    assert "error" in levels(checks_files.check_databases, data)
    data.database.write_bytes(whole)
    data.database.with_name("ope.db.wal").write_bytes(b"")
    data.published.write_bytes(b"x")
    assert levels(checks_files.check_databases, data) == ["ok", "error"]


def test_a_cut_that_only_a_query_would_notice_is_found(tmp_path: Path) -> None:
    """The catalog is at the beginning, the rows are behind it."""
    path = tmp_path / "ope.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select range as i, md5(i::varchar) as m from range(200000)")
        connection.execute("checkpoint")
        connection.execute("create table u as select md5(range::varchar) as m from range(300000)")
    for cut in (1, 262_144):
        os.truncate(path, path.stat().st_size - cut)
        assert levels(checks_files.check_databases, DataDir(tmp_path)) == ["error"]


def test_a_disk_without_room_for_a_night(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    size = data.database.stat().st_size
    for free, level in ((10 * size, "ok"), (2 * size, "warning"), (size // 2, "error")):
        monkeypatch.setattr(
            checks_files.shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(free, 0, free)
        )
        assert levels(checks_files.check_disk, data) == [level]


def test_leftovers_and_a_lock_of_a_killed_command(data: DataDir) -> None:
    holder = {"command": "nightly", "pid": 2**22 + 1, "host": "here", "started_at": "2026-01-01T00:00:00"}
    (data.runs / HOLDER).write_bytes(orjson.dumps(holder))
    left = data.raw("my-app") / ".x.tmp"
    left.write_text("x" * 100)
    os.utime(left, (0, 0))
    (data.raw("my-app") / ".new.tmp").touch()  # of a command that may be at work
    text = said(checks_files.check_leftovers, data)
    assert "`nightly`, process" in text and "was killed" in text and "1 unfinished file (100 B)" in text


def test_a_directory_that_cannot_be_written_is_an_error(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(checks_files.tempfile, "TemporaryFile", refuse)
    assert "Read-only file system" in said(checks_files.check_writable, data)


def test_packages_and_programs_that_are_not_as_pinned(data: DataDir, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    assert levels(checks_program.check_pins, data) == levels(checks_program.check_python, data) == ["ok"]
    (tmp_path / "pyproject.toml").write_text('requires-python = ">=3.99"\n')
    (tmp_path / "requirements.txt").write_text(
        "# pins\nclick==0.1\nno-such-package==1\nother==1 ; python_version < '3'\n"
    )
    monkeypatch.setattr(checks_program, "PRODUCT_ROOT", tmp_path)
    assert "no-such-package of requirements.txt not installed" in said(checks_program.check_pins, data)
    assert "click" in said(checks_program.check_pins, data) and "instead of 0.1" in said(
        checks_program.check_pins, data
    )
    assert levels(checks_program.check_pins, data) == ["error", "warning"]
    assert levels(checks_program.check_python, data) == ["error"]
    monkeypatch.setattr(checks_program, "setting", lambda _: "99.0")
    assert levels(checks_program.check_git, data) == ["error"]


def test_network_file_systems_and_synced_folders_are_no_place(data: DataDir, monkeypatch, tmp_path: Path) -> None:
    mounts = [("/", "ext4"), ("/net", "nfs4"), ("/net/local disk", "xfs")]
    assert [file_system(Path(path), mounts) for path in ("/a", "/net/x", "/net/local disk/x")] == [
        "ext4",
        "nfs4",
        "xfs",
    ]
    assert file_system(Path("/a"), []) is None
    monkeypatch.setattr(checks_place, "_mounts", lambda: [("/", "nfs4")])
    assert "network file system (nfs4)" in said(checks_place.check_place, data)
    synced = DataDir(tmp_path / "Dropbox (Team)" / "data")
    assert "inside 'Dropbox (Team)'" in said(checks_place.check_place, synced)


def test_a_repository_around_the_data_is_a_leak(data: DataDir, synced: Shell) -> None:
    above = data.root.parent
    (data.root / ".gitignore").write_text(ignore_text())
    assert levels(checks_place.check_repository, data) == ["ok"]
    git(above, "init", "--quiet")
    assert levels(checks_place.check_repository, data) == ["warning"]
    git(above, "remote", "add", "origin", "https://example.org/x")
    assert "is pushed elsewhere" in said(checks_place.check_repository, data)
    assert levels(checks_place.check_repository, data) == ["error"]
    (above / ".gitignore").write_text("/data/\n")
    assert levels(checks_place.check_repository, data) == ["ok"]


def test_a_repository_of_its_own_that_would_leak(data: DataDir, monkeypatch, tmp_path: Path) -> None:
    init_data(data.root)
    (tmp_path / "product").mkdir()
    git(data.root, "remote", "add", "origin", str(tmp_path / "product"))
    monkeypatch.setattr("ingest.data_repository.PRODUCT_ROOT", tmp_path / "product")
    (data.root / ".gitignore").write_text("*.db\n")
    git(data.root, "add", ".redaction_key")
    text = said(checks_place.check_repository, data)
    assert "same remote" in text and "key is committed" in text and "lacks patterns" in text


def test_paths_of_the_registry_that_are_gone(data: DataDir, synced: Shell) -> None:
    assert levels(checks_sources.check_registry, data) == ["ok"]
    shutil.rmtree(synced.repository)
    assert f"{synced.repository} is gone" in said(checks_sources.check_registry, data)
    data.registry.write_text("{")
    assert levels(checks_sources.check_registry, data) == ["error"]


def settings(agent: Path, text: str) -> None:
    (agent / "settings.json").write_text(text)


def test_the_agents_clean_up_against_how_often_sync_ran(data: DataDir, agent: Path, synced: Shell) -> None:
    check = checks_sources.check_cleanup
    ran = now()
    assert levels(check, data) == ["ok"]
    assert "deletes sessions after 30 days" in said(check, data, ran + timedelta(days=5))
    late = said(check, data, ran + timedelta(days=16))
    assert late.startswith("warning") and '"cleanupPeriodDays": 3650' in late and "settings.json" in late
    assert "some may be lost" in said(check, data, ran + timedelta(days=31))
    settings(agent, '{"cleanupPeriodDays": 3650}')
    assert levels(check, data, ran + timedelta(days=31)) == ["ok"]
    # A session that waits, and that the agent deletes tomorrow.
    settings(agent, "{}")
    waiting = synced.write_session("s9")
    old = time.time() - 29.5 * 86_400
    os.utime(waiting, (old, old))
    assert "may delete a session that is not archived" in said(check, data)


@pytest.mark.parametrize("text", ['{"cleanupPeriodDays": 0}', '{"cleanupPeriodDays": "long"}', "{"])
def test_a_setting_that_is_no_number_of_days_is_an_error(data: DataDir, agent: Path, text: str) -> None:
    settings(agent, text)
    assert levels(checks_sources.check_cleanup, data)[0] == "error"


def test_sessions_that_the_agent_does_not_clean_up_need_no_warning(
    data: DataDir, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "other"))
    assert findings(checks_sources.check_cleanup, data, now() + timedelta(days=99)) == []


def test_a_timer_that_did_not_run_and_a_clock_that_was_wrong(data: DataDir, synced: Shell) -> None:
    assert levels(checks_sources.check_syncs, data) == levels(checks_sources.check_clock, data) == ["ok"]
    assert "4 days ago" in said(checks_sources.check_syncs, data, now() + timedelta(days=4))
    ahead = synced.write_session("s8")
    os.utime(ahead, (time.time() + 86_400,) * 2)
    text = said(checks_sources.check_clock, data, now() - timedelta(days=1))
    assert "ended in the future" in text and "session file" in text
    assert levels(checks_sources.check_syncs, data, now() - timedelta(days=1)) == ["warning"]


def test_a_hook_that_was_edited_or_does_not_run(data: DataDir, synced: Shell) -> None:
    assert findings(checks_sources.check_hooks, data)[0].remedy.startswith("Optional")
    synced.run("hooks", "install", str(synced.repository))
    assert "intact in 1 worktree" in said(checks_sources.check_hooks, data)
    hook = synced.repository / ".git" / "hooks" / "prepare-commit-msg"
    hook.chmod(0o644)
    assert "hook is not executable" in said(checks_sources.check_hooks, data)


def test_backups_that_are_missing_old_unchecked_or_without_the_key(data: DataDir, tmp_path: Path) -> None:
    check = checks_place.check_backups
    assert "There is no backup" in said(check, data)
    back_up(data, tmp_path / "backups", with_key=False)
    text = said(check, data, now() + timedelta(days=9))
    for word in ("No backup for 3 days", "No backup was checked", "key is in no backup", "on the same disk"):
        assert word in text, word
    back_up(data, with_key=True)
    verify(data)
    data.redaction_key.write_text("cd" * 32)
    assert "another one than in every backup" in said(check, data)
    (tmp_path / "backups").rename(tmp_path / "unplugged")
    assert "connect its disk" in said(check, data)
