"""`backup`: what it holds, what it costs, and everything that may go wrong with it or around it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from ingest import database
from ingest.below import opened_below
from ingest.care import backup, backup_restore, backup_target, tree
from ingest.care.backup import back_up
from ingest.care.backup_manifest import read_backups
from ingest.care.backup_restore import restore, verify
from ingest.care.backup_schedule import backup_if_due, is_due, prune
from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT, DataDir
from tests.ingest.shell import Shell, git

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_waiting_for_the_disk")]

KEY = ".redaction_key"
LOG = "raw/one/sessions/s.jsonl"


@pytest.fixture(scope="module")
def seven_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of seven rows."""
    path = tmp_path_factory.mktemp("database") / "seven.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select range as i from range(7)")
    return path


@pytest.fixture
def data(data: DataDir, seven_rows: Path) -> DataDir:
    """A data directory with a little of everything."""
    for path, text in {
        LOG: '{"type":"user"}\n',
        "raw/one/manifest.jsonl": "",
        "validation/one/reaction.a.csv": "uuid,label\n",
        "archived/v1.0/x.parquet": "cold",
        KEY: "ab" * 32 + "\n",
        "logs/app.log": "x",
        "outputs/x.csv": "x",
        "raw/one/.scratch/half": "x",
        ".git/HEAD": "x",
        "ope.db.tmp/spill": "x",
    }.items():
        place = data.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for name in ("ope.db", "marts.db"):
        shutil.copyfile(seven_rows, data.root / name)
    return data


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def stored(target: Path, name: str, path: str) -> Path:
    return target / name / "files" / path


def test_a_backup_holds_the_truth_the_key_and_the_databases_for_nobody_else(data: DataDir, target: Path) -> None:
    made = back_up(data, target)
    kept = {str(path.relative_to(target / made.name)) for path in (target / made.name).rglob("*") if path.is_file()}
    truth = (KEY, LOG, "raw/one/manifest.jsonl", "validation/one/reaction.a.csv", "archived/v1.0/x.parquet")
    others = ("projects.json", "backup.json", "ope.db", "marts.db")
    assert kept == {"manifest.json", *(f"files/{path}" for path in (*truth, *others))}
    for path in (target, *target.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    found = verify(data)
    assert (found.problems, found.projects, found.rows, found.files) == ([], 1, 14, made.files)
    assert read_backups(target)[0].is_verified is True


def test_what_did_not_change_is_a_link_and_what_did_is_copied(data: DataDir, target: Path) -> None:
    first = back_up(data, target)
    (data.root / LOG).write_text('{"type":"user"}\n{"type":"user"}\n')
    (data.root / KEY).chmod(0o640)  # other times, the same content
    second = back_up(data)
    assert stored(target, second.name, KEY).samefile(stored(target, first.name, KEY))
    assert stored(target, second.name, "ope.db").samefile(stored(target, first.name, "ope.db"))
    assert stored(target, first.name, LOG).read_text() == '{"type":"user"}\n'
    assert stored(target, second.name, LOG).read_text() == '{"type":"user"}\n' * 2
    # The log, and the run log with the first backup in it.
    assert (second.copied_files, second.linked_files) == (2, first.files - 1)
    assert verify(data).is_good and verify(data, first.name).is_good


def test_without_hard_links_every_backup_is_a_copy(
    data: DataDir, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(data, target)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    second = back_up(data)
    assert second.linked_files == 0 and any("no hard links" in remark for remark in second.remarks)
    assert verify(data).is_good


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("path", [LOG, KEY, "ope.db"])
def test_a_flipped_byte_is_found_and_the_next_backup_does_not_link_to_it(
    data: DataDir, target: Path, path: str
) -> None:
    bad = back_up(data, target)
    flip(stored(target, bad.name, path))
    assert any(f"{path} is damaged" in problem for problem in verify(data).problems)
    good = back_up(data)
    assert not stored(target, good.name, path).samefile(stored(target, bad.name, path))
    assert verify(data).is_good
    assert [backup.is_verified for backup in read_backups(target)] == [False, True]


def test_a_weekly_backup_reads_what_it_links_to_and_mends_it(data: DataDir, target: Path) -> None:
    bad = back_up(data, target)
    flip(stored(target, bad.name, LOG))
    assert back_up(data).repaired == 0
    assert back_up(data, check_linked=True).repaired == 1
    assert verify(data).is_good


def test_a_key_that_is_missing_is_found_and_one_that_is_left_out_is_said(data: DataDir, target: Path) -> None:
    made = back_up(data, target)
    stored(target, made.name, KEY).unlink()
    assert [problem for problem in verify(data).problems if KEY in problem] == [f"{KEY} is missing."]

    without = back_up(data, with_key=False)
    assert not stored(target, without.name, KEY).exists()
    assert any("key is left out" in remark for remark in without.remarks)
    found = verify(data)
    assert found.is_good and any("key is not in this backup" in remark for remark in found.remarks)
    assert back_up(data).remarks[-1] == without.remarks[-1]  # it is remembered

    (data.root / KEY).unlink()
    assert any("no redaction key" in remark for remark in back_up(data, with_key=True).remarks)


@pytest.mark.parametrize("what", ["manifest gone", "manifest cut", "manifest edited", "file gone", "file is a link"])
def test_damage_of_a_backup_is_never_taken_for_whole(data: DataDir, target: Path, what: str, tmp_path: Path) -> None:
    made = back_up(data, target)
    manifest, log = target / made.name / "manifest.json", stored(target, made.name, LOG)
    if what == "manifest gone":
        manifest.unlink()
    elif what == "manifest cut":
        manifest.write_bytes(manifest.read_bytes()[:-100])
    elif what == "manifest edited":
        document = json.loads(manifest.read_text())
        document["files"][0]["path"] = "../../x"
        manifest.write_text(json.dumps(document))
    elif what == "file gone":
        log.unlink()
    else:
        (tmp_path / "elsewhere").write_bytes(log.read_bytes())
        log.unlink()
        log.symlink_to(tmp_path / "elsewhere")
    assert not verify(data, made.name).is_good
    if what.startswith("manifest"):
        with pytest.raises(IngestError, match="no whole backup"):
            verify(data)
        with pytest.raises(IngestError, match="is not whole"):
            restore(data, tmp_path / "new", made.name)
        assert prune(data).removed == []  # nothing says that it is ours


KILLED = """
import os, signal, sys
from pathlib import Path
from ingest.care import backup
from ingest.paths import DataDir
done = []
def copy(*arguments, real=backup.copy_to):
    done.append(1)
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
backup.copy_to = copy
backup.back_up(DataDir(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def test_a_backup_that_was_killed_is_no_backup_and_the_next_one_clears_it_away(data: DataDir, target: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(data.root), str(target)]
    done = subprocess.run(command, cwd=PRODUCT_ROOT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path for path in target.iterdir() if path.name.startswith(".unfinished-")]
    assert read_backups(target) == [] and is_due([])
    with pytest.raises(IngestError, match="no whole backup"):
        verify(data)
    back_up(data)
    assert len(read_backups(target)) == 1 and not [path for path in target.iterdir() if path.name.startswith(".")]
    assert verify(data).is_good


@pytest.mark.parametrize("number", [1, 3])
def test_a_full_disk_leaves_the_backups_that_are_there(
    data: DataDir, target: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    first = back_up(data, target)
    for path in (LOG, "projects.json", "validation/one/reaction.a.csv"):
        place = data.root / path
        place.write_text(place.read_text() + "\n")
    count = 0

    def full(descriptor: int, content: bytes | memoryview) -> None:
        nonlocal count
        count += 1
        if count >= number:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.write(descriptor, content)

    monkeypatch.setattr(tree, "write_all", full)
    with pytest.raises(IngestError, match="the disk is full"):
        back_up(data)
    assert [path.name for path in target.iterdir() if "T" in path.name] == [first.name]
    monkeypatch.undo()
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(IngestError, match="nothing was written"):
        back_up(data)
    monkeypatch.undo()
    assert verify(data).name == first.name and verify(data).is_good


@pytest.mark.parametrize("place", ["inside", "link", "program", "repository", "not empty", "a file", "of another"])
def test_a_target_that_will_not_do_is_refused_in_one_sentence(
    data: DataDir, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    said = {
        "inside": "inside the data directory",
        "link": "is a symbolic link",
        "program": "inside the program's directory",
        "repository": "inside the git repository",
        "not empty": "is not empty and holds no backups",
        "a file": "is not a directory",
        "of another": "backups of another data directory",
    }[place]
    if place == "inside":
        target = data.root / "backups"
    elif place == "link":
        (tmp_path / "real").mkdir()
        target.symlink_to(tmp_path / "real")
    elif place == "program":
        monkeypatch.setattr(backup_target, "PRODUCT_ROOT", target)
        target = target / "x"
    elif place == "repository":
        target.mkdir()
        git(target, "init", "--quiet")
        target = target / "x" / "y"
    elif place == "not empty":
        target.mkdir()
        (target / "photo.jpg").touch()
    elif place == "a file":
        target.touch()
    else:
        other = DataDir(tmp_path / "other")
        shutil.copytree(data.root, other.root)
        back_up(other, target)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(IngestError, match=said):
        back_up(data, target)
    assert not (data.root / "backup.json").exists()
    assert {path for path in tmp_path.rglob("*") if path != data.runs} == set(before) - {data.runs}


def test_a_repository_that_ignores_the_target_may_have_it(data: DataDir, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("/b/\n")
    assert back_up(data, tmp_path / "b").files


def test_a_disk_that_is_not_connected_is_not_made_anew(data: DataDir, target: Path) -> None:
    back_up(data, target)
    target.rename(target.with_name("unplugged"))
    for attempt in (lambda: back_up(data), lambda: backup_if_due(data), lambda: prune(data), lambda: verify(data)):
        with pytest.raises(IngestError, match="connect its disk"):
            attempt()
    assert not target.exists()


def test_links_and_pipes_are_named_and_never_followed(data: DataDir, target: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of somebody else")
    (data.root / "raw" / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(data.root / "raw" / "pipe")
    made = back_up(data, target)
    assert not (target / made.name / "files" / "raw" / "link").exists()
    assert any("raw/link, raw/pipe" in remark for remark in made.remarks)
    (data.root / "raw" / "one").rename(tmp_path / "moved")
    (data.root / "raw" / "one").symlink_to(tmp_path / "moved")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"), opened_below(data.root, LOG):
        pass


def test_a_failing_disk_is_told_from_a_full_one(data: DataDir, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failing = os.read, [LOG]

    def read(descriptor: int, count: int) -> bytes:
        if count == tree.COPY_BYTES and failing:  # a copy; git is read from in other pieces
            failing.pop()
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, count)

    failing.clear()
    monkeypatch.setattr(os, "read", read)
    back_up(data, target)
    (data.root / KEY).write_text("cd" * 32)
    failing.append(KEY)  # the first that is read, as it alone has changed
    with pytest.raises(IngestError, match=r"_key cannot be read \(Input/output error\)"):
        back_up(data, with_databases=False)
    assert len(read_backups(target)) == 1
    failing.append(KEY)
    unreadable = f"{KEY} cannot be read (Input/output error)."
    assert verify(data).problems == [unreadable, "The redaction key cannot be restored from this backup."]


WRITER = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


def test_a_program_that_writes_is_waited_for_then_named(
    data: DataDir, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "setting", lambda name: 0.1)
    command = [sys.executable, "-c", WRITER, str(data.database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(IngestError, match=f"in use by process {process.pid}"):
            back_up(data, target)
        process.kill()
    assert read_backups(target) == []
    assert back_up(data).files


def test_what_is_not_yet_in_the_database_is_backed_up_too(data: DataDir, target: Path) -> None:
    code = (
        "import duckdb, os, signal, sys; c = duckdb.connect(sys.argv[1]);"
        "c.execute('insert into t values (1)'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(data.database)], check=False)
    assert (data.root / "ope.db.wal").stat().st_size
    back_up(data, target)
    found = verify(data)
    assert (found.problems, found.rows) == ([], 15)


def test_a_backup_is_restored_without_the_data_directory_that_made_it(
    data: DataDir, target: Path, tmp_path: Path
) -> None:
    back_up(data, target)
    content = {path: (data.root / path).read_bytes() for path in (LOG, KEY, "projects.json", "marts.db")}
    lost = DataDir(tmp_path / "lost")
    new = tmp_path / "new"
    assert restore(lost, new, source=target).is_good
    assert {path: (new / path).read_bytes() for path in content} == content
    assert stat.S_IMODE(new.stat().st_mode) == 0o700 and stat.S_IMODE((new / KEY).stat().st_mode) == 0o600
    with pytest.raises(IngestError, match="not an empty directory"):
        restore(lost, new, source=target)
    # It goes on with the same backups, and nothing of them is copied twice.
    assert back_up(DataDir(new)).copied_files == 0


def test_a_scratch_directory_without_room_is_said_before_it_is_filled(
    data: DataDir, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(data, target)
    monkeypatch.setattr(backup_restore.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(IngestError, match="on another disk"):
        verify(data, scratch=tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_would_be_done_changes_nothing(shell: Shell, data: DataDir, target: Path) -> None:
    shell.environment["OPE_DATA_DIR"] = str(data.root)
    planned = shell.json("backup", "--to", str(target), "--dry-run")["backup"]
    assert planned["copied_files"] == 8 and not target.exists() and not (data.root / "backup.json").exists()
    assert "No directory for backups is known" in shell.run("backup", code=1).stderr
    made = [shell.json("backup", "--to", str(target))["backup"]["name"] for _ in range(2)]
    assert f"{made[0]} would be deleted; 1 backup kept." in shell.run("backup", "prune", "--dry-run").stdout
    assert "Delete them?" in shell.run("backup", "prune", code=1, typed="n\n").stderr
    assert [each["name"] for each in shell.json("backup", "list")["backups"]] == made
    assert shell.json("backup", "prune", "--yes")["removed"] == made[:1]
    assert "is whole" in shell.run("backup", "verify").stdout
    assert "good" in shell.run("backup", "list").stdout
    assert shell.json("backup", "--if-due") == {"backup": None, "pruning": None}
    flip(stored(target, made[1], "ope.db"))
    assert "is damaged" in shell.run("backup", "verify", code=1).stdout
    assert shell.run("backup", "--if-due", "--no-key", code=2).exit_code == 2


def test_an_empty_data_directory_has_nothing_to_back_up(tmp_path: Path, target: Path) -> None:
    with pytest.raises(IngestError, match="no data"):
        back_up(DataDir(tmp_path / "nothing"), target)
    assert not target.exists() and not (tmp_path / "nothing").exists()
