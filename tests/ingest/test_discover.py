"""What is on a machine and not registered: sessions by repository, and what is about to be deleted."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingest.agents.claude_code import directory_of
from ingest.agents.edges import HEAD_BYTES, MAXIMUM_HEAD_BYTES, read_edges
from ingest.cli import main
from ingest.data_repository import IS_DATA
from ingest.discovery.adoption import adopt
from ingest.discovery.discover import LAST, SESSIONS, SIZE, discover
from ingest.discovery.naming import address_name, directory_name, free_name, repository_name
from ingest.discovery.places import DIRECTORY, GONE, REPOSITORY, UNKNOWN
from ingest.errors import IngestError
from ingest.forgetting.tombstones import SESSION, add_tombstones
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.registry import load_projects, register
from ingest.repositories import is_directory
from tests.ingest.shell import Shell, git

NOW = datetime.now(timezone.utc)


class Machine:
    """Repositories, and sessions of an agent that worked in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.data = DataDir(root / "data")
        self.projects = self.home / "projects"
        self.projects.mkdir(parents=True)

    def repository(self, name: str) -> Path:
        path = self.root / "work" / name
        path.mkdir(parents=True)
        git(path, "init", "--quiet")
        git(path, "commit", "--quiet", "--allow-empty", "-m", "Start")
        return path

    def session(self, place: str, name: str, cwd: Path | str | None, *, days_ago: float = 1, branch: str = "main"):
        at = NOW - timedelta(days=days_ago)
        record = {"type": "user", "uuid": name, "gitBranch": branch, "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.000Z"}
        if cwd is not None:
            record["cwd"] = str(cwd)
        path = self.projects / place / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"type": "summary", "summary": "s"}) + "\n" + json.dumps(record) + "\n")
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def discover(self, *directories: Path, **options):
        return discover(self.data, directories, **options)

    def groups(self, **options):
        return {group.path: group for group in self.discover(**options).groups}


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    machine = Machine(tmp_path.resolve())
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(machine.home))
    return machine


def test_a_repository_is_one_place_with_all_its_worktrees(machine) -> None:
    app = machine.repository("app")
    tree, gone = machine.root / "trees" / "one", machine.root / "trees" / "two"
    for path in (tree, gone):
        git(app, "worktree", "add", "--quiet", str(path))
    shutil.rmtree(gone)
    other = machine.repository("other")
    # Directory names are lossy: two repositories in one, and one in many.
    machine.session("-x-app", "a", app, days_ago=5)
    machine.session("-x-app", "b", other)
    machine.session("-x-tree", "c", tree / "src")
    machine.session("-x-gone", "d", gone / "src")
    machine.session("-x-made", "e", app / ".claude" / "worktrees" / "x")
    groups = machine.groups()
    assert set(groups) == {str(app), str(other)}
    group = groups[str(app)]
    assert (group.kind, group.sessions, group.unregistered) == (REPOSITORY, 4, 4)
    assert group.directories == tuple(
        str(machine.projects / name) for name in ("-x-app", "-x-gone", "-x-made", "-x-tree")
    )
    assert (
        group.first_day == f"{NOW - timedelta(days=5):%Y-%m-%d}"
        and group.last_day == f"{NOW - timedelta(days=1):%Y-%m-%d}"
    )
    assert group.shared_with == (str(other),)
    assert shlex.split(group.command) == ["add-project", "--name", "app", "--repo", str(app)]


def test_repositories_that_are_gone_and_places_without_one(machine) -> None:
    notes = machine.root / "notes"
    notes.mkdir()
    machine.session("-1", "a", "/gone/app")
    machine.session("-2", "b", "/gone/app/src")
    machine.session("-3", "c", "/gone/app-2/.claude/worktrees/fix")
    machine.session("-4", "d", "c:\\work\\app")
    machine.session("-5", "e", "C:\\work\\app\\src")
    machine.session("-6", "f", notes, branch="")
    machine.session("-7", "g", "/gone", branch="")
    machine.session("-8", "h", None)
    machine.session("-1", "i", None)  # goes with its directory
    groups = machine.groups()
    assert {(group.kind, path, group.sessions) for path, group in groups.items()} == {
        (GONE, "/gone/app", 3),
        (GONE, "/gone/app-2", 1),
        (GONE, "C:/work/app", 2),
        (DIRECTORY, str(notes), 1),
        (DIRECTORY, "/gone", 1),
        (UNKNOWN, str(machine.projects / "-8"), 1),
    }
    names = [shlex.split(group.command)[2] for group in groups.values()]
    assert len({name.lower().replace(" ", "-") for name in names}) == len(names)
    command = shlex.split(groups["C:/work/app"].command)
    assert command[3:] == ["--sessions", str(machine.projects / "-4"), "--sessions", str(machine.projects / "-5")]


def test_subagents_are_counted_apart_and_their_files_weigh(machine) -> None:
    app = machine.repository("app")
    top = machine.session("-x", "s1", app)
    machine.session("-x/s1/subagents", "agent-a", app)
    flat = machine.session("-x", "agent-b", app)
    flat.write_text('{"sessionId":"s1","cwd":"' + str(app) + '"}\n')
    orphan = machine.session("-x/s9/subagents", "agent-c", app)
    results = machine.projects / "-x" / "s1" / "tool-results"
    results.mkdir()
    (results / "r.txt").write_bytes(b"x" * 1000)
    (group,) = machine.discover().groups
    below = machine.projects / "-x" / "s1" / "subagents" / "agent-a.jsonl"
    assert (group.sessions, group.subagents) == (1, 3)
    assert group.bytes == sum(path.stat().st_size for path in (top, below, flat, orphan)) + 1000


def test_what_the_agent_deletes_comes_first(machine) -> None:
    apps = [machine.repository(name) for name in ("young", "old", "mid")]
    for app, days in zip(apps, (1, 40, 25), strict=True):
        machine.session(f"-{app.name}", app.name, app, days_ago=days)
    found = machine.discover()
    assert [Path(group.path).name for group in found.groups] == ["old", "mid", "young"]
    assert [group.vanishing for group in found.groups] == [1, 1, 0] and found.cleanup_days == 30
    at = [group.vanishes_at.replace(tzinfo=timezone.utc) - NOW for group in found.groups[:2]]
    assert [round(wait / timedelta(days=1)) for wait in at] == [0, 5]
    assert [group.vanishing for group in machine.discover(horizon_days=60).groups] == [1, 1, 1]
    (machine.home / "settings.json").write_text('{"cleanupPeriodDays": 3650}')
    assert not any(group.vanishing for group in machine.discover().groups)
    # Nobody cleans up a copy.
    copy = shutil.copytree(machine.projects, machine.root / "copy")
    (machine.home / "settings.json").unlink()
    copied = machine.discover(copy)
    assert [group.vanishes_at for group in copied.groups] == [None] * 3
    assert all(f"--sessions {copy / ('-' + Path(group.path).name)}" in group.command for group in copied.groups)


@pytest.mark.parametrize(("order", "first"), [(SIZE, "large"), (SESSIONS, "many"), (LAST, "late")])
def test_other_orders(machine, order, first) -> None:
    for name, days in (("large", 3), ("many", 4), ("late", 1), ("plain", 2)):
        app = machine.repository(name)
        path = machine.session(f"-{name}", name, app, days_ago=days)
        if name == "large":
            path.write_text(path.read_text() + " " * 5000)
        if name == "many":
            machine.session("-many", "more", app, days_ago=5)
    assert Path(machine.discover(order=order).groups[0].path).name == first


def test_links_are_not_followed_and_what_cannot_be_read_is_counted(machine, monkeypatch) -> None:
    app = machine.repository("app")
    outside = machine.session("-x", "a", app).rename(machine.root / "outside.jsonl")
    (machine.projects / "-x" / "link.jsonl").symlink_to(outside)
    (machine.projects / "-linked").symlink_to(machine.root)
    machine.session("-x", "broken", app)
    machine.session("-x", "good", app)

    def refuses(path: Path):
        if path.stem == "broken":
            raise PermissionError(13, "Permission denied")
        return read_edges(path)

    monkeypatch.setattr("ingest.discovery.scan.read_edges", refuses)
    found = machine.discover()
    assert [(group.path, group.sessions) for group in found.groups] == [(str(app), 1)]
    assert found.links == 2 and found.unreadable == [str(machine.projects / "-x" / "broken.jsonl")]


def test_only_the_ends_of_a_file_are_read(tmp_path, monkeypatch) -> None:
    path = tmp_path / "s.jsonl"
    line = b'{"cwd":"/w","gitBranch":"b","timestamp":"2026-01-01T00:00:00Z"}\n'
    tail = b'{"timestamp":"2026-03-03T00:00:00Z"}\n'
    path.write_bytes(line + b'{"n":1}\n' * 20_000 + tail)
    pieces = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *a: pieces.append(a[1]) or real(*a))
    edges = read_edges(path)
    assert (edges.cwd, edges.branch, edges.first_day, edges.last_day) == ("/w", "b", "2026-01-01", "2026-03-03")
    assert sum(pieces) <= 2 * HEAD_BYTES
    pieces.clear()
    path.write_bytes((b'{"n":1' + b" " * 1000 + b"}\n") * (MAXIMUM_HEAD_BYTES // 1000) + line)
    edges = read_edges(path)
    assert (edges.cwd, edges.last_day) == (None, "2026-01-01") and sum(pieces) <= MAXIMUM_HEAD_BYTES + HEAD_BYTES
    path.write_bytes(b'{"text":"' + b"x" * 1_000_000 + b'"}\n{"cwd": 7}\nno json "cwd"\n["cwd"]\n' + line.strip())
    assert read_edges(path).cwd == "/w"
    path.write_bytes(b'{"cwd":"/half","text":"\\ud83d"}\n')
    assert read_edges(path).cwd == "/half"
    path.write_bytes(b"")
    assert read_edges(path) == read_edges(path) and read_edges(path).cwd is None


def test_from_discover_to_registered(shell: Shell) -> None:
    shell.make_repository()
    path = shell.write_session("s1")
    old = (NOW - timedelta(days=28)).timestamp()
    os.utime(path, (old, old))
    shown = shell.run("discover").stdout
    assert str(shell.repository) in shown and "1 session in the next 7 days" in shown
    line = next(line for line in shown.splitlines() if line.startswith("→"))
    assert not shell.data.exists()
    shell.run(*shlex.split(line[line.index("add-project") :]))
    assert shell.json("discover")["groups"] == [] and shell.json("discover")["hidden"] == 1
    (group,) = shell.json("discover", "--all")["groups"]
    assert (group["project_id"], group["unregistered"], group["vanishing"], group["command"]) == ("app", 0, 1, None)
    shell.run("sync")
    assert shell.json("discover", "--all")["groups"][0]["vanishing"] == 0
    # A new worktree of a registered repository: its sessions are read by nobody until the next sync.
    tree = shell.repository.parent / "tree"
    git(shell.repository, "worktree", "add", "--quiet", str(tree))
    session = shell.home / "projects" / "-work-tree" / "s2.jsonl"
    session.parent.mkdir()
    session.write_text(json.dumps({"cwd": str(tree), "timestamp": "2026-02-02T00:00:00Z"}) + "\n")
    (group,) = shell.json("discover")["groups"]
    assert (group["project_id"], group["sessions"], group["unregistered"]) == ("app", 2, 1)
    synced = shell.run("sync").stdout
    assert "app: 1 new session directory of its repository, read from now on" in synced
    assert shell.ask("select count(*) from raw.session_files") == [(2,)]
    assert str(tree) in shell.json("projects")[0]["repository_paths"]


def test_sync_adds_no_directory_to_those_that_somebody_chose(machine) -> None:
    app, other = machine.repository("app"), machine.repository("other")
    machine.session("-x", "a", app)
    chosen = register(machine.data, name="app", repository=app, sessions=[machine.projects / "-x"])
    later = register(machine.data, name="other", repository=other)
    excluded = replace(later, project_id="third", status="excluded")
    machine.session("-y", "b", app)
    machine.session("-z", "c", other)
    machine.session("-z", "d", app)
    projects, found = adopt(machine.data, [chosen, later, excluded])
    assert found == {"app": [], "other": [str(machine.projects / "-z")], "third": []}
    assert projects[1].session_directories == (str(machine.projects / "-z"),)
    assert load_projects(machine.data) == [chosen, projects[1]]
    assert adopt(machine.data, projects)[1]["other"] == []


def test_a_single_session_directory_may_be_named(machine) -> None:
    app = machine.repository("app")
    machine.session("-x", "s1", app)
    machine.session("-x/s1/subagents", "agent-a", app)
    for above in (machine.projects / "-x", machine.projects, machine.home, machine.root):
        (group,) = machine.discover(above).groups
        assert (group.sessions, group.subagents, group.directories) == (1, 1, (str(machine.projects / "-x"),))


def test_add_project_inside_a_repository_needs_no_argument(shell: Shell, monkeypatch) -> None:
    shell.make_repository()
    shell.write_session("s1")
    tree = shell.repository.parent / "tree"
    git(shell.repository, "worktree", "add", "--quiet", str(tree))
    (tree / "src").mkdir()
    monkeypatch.chdir(tree / "src")
    shown = shell.run("add-project").stdout
    assert "app is registered as app" in shown and f"repository: {shell.repository}, of the working directory" in shown
    assert "name: app; --name gives another" in shown and str(shell.sessions) in shown
    monkeypatch.chdir(shell.repository)
    again = shell.json("add-project", "--notes", "again")
    assert (again["project"]["project_id"], again["project"]["notes"]) == ("app", "again")
    assert any("registered already" in sentence for sentence in again["understood"])
    assert len(shell.json("projects")) == 1


def test_add_project_refuses_what_is_evidently_a_mistake(shell: Shell, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(PRODUCT_ROOT)
    assert "the program's own directory" in shell.run("add-project", code=1).stderr
    monkeypatch.chdir(PRODUCT_ROOT / "ingest")
    assert "--repo PATH" in shell.run("add-project", "--name", "Mine", code=1).stderr
    monkeypatch.chdir(tmp_path)
    assert f"no git repository in {tmp_path}" in shell.run("add-project", code=1).stderr
    assert "needs a name" in shell.run("add-project", "--sessions", str(tmp_path), code=1).stderr
    assert not shell.data.exists()
    archive = tmp_path / "other-data"
    archive.mkdir()
    git(archive, "init", "--quiet")
    git(archive, "config", IS_DATA, "true")
    assert "a data directory" in shell.run("add-project", "--repo", str(archive), code=1).stderr
    shell.data.mkdir()
    git(shell.data, "init", "--quiet")
    monkeypatch.chdir(shell.data)
    assert "a data directory" in shell.run("add-project", code=1).stderr


def test_found_directories_of_another_project_are_left_to_it(shell: Shell, monkeypatch) -> None:
    shell.make_repository()
    shell.write_session("s1")
    shell.run("add-project", "--name", "All", "--sessions", str(shell.home / "projects"))
    monkeypatch.chdir(shell.repository)
    assert shell.json("add-project")["project"]["session_directories"] == []


def test_a_working_directory_may_be_any_text(tmp_path) -> None:
    assert is_directory(str(tmp_path))
    assert not any(is_directory(text) for text in ("", ".", "work", "C:\\work", "/\0", str(tmp_path / ("x" * 300))))


def test_names(tmp_path) -> None:
    assert [directory_name(path) for path in ("/w/app", "/w/app.git", "/w/app/.bare", "C:\\w\\app", "/")] == [
        *["app"] * 4,
        "",
    ]
    assert [address_name(url) for url in ("https://h/t/app.git", "git@h:t/app", "git@h:app.git/")] == ["app"] * 3
    assert free_name(["app", "work app"], {"app"}) == "work app"
    assert free_name(["app", "app"], {"app", "app-2"}) == "app 3"
    with pytest.raises(IngestError, match="--name"):
        free_name(["データ", ""], set())
    repository = tmp_path / "データ"
    repository.mkdir()
    git(repository, "init", "--quiet")
    git(repository, "remote", "add", "fork", "https://host/me/fork.git")
    git(repository, "remote", "add", "origin", "https://host/team/program.git")
    assert repository_name(repository, set()) == "program"


def test_what_was_forgotten_is_not_shown_again(machine) -> None:
    work = machine.repository("app")
    machine.session("-app", "kept", work)
    forgotten = machine.session("-app", "gone", work, days_ago=29)
    assert machine.groups()[str(work)].vanishing == 1
    add_tombstones(machine.data, [(SESSION, forgotten.stem)])
    found = machine.discover()
    [group] = found.groups
    assert (group.sessions, group.unregistered, group.vanishing, found.forgotten) == (1, 1, 0, 1)
    result = CliRunner().invoke(main, ["discover"], env={"OPE_DATA_DIR": str(machine.data.root)})
    assert result.exit_code == 0 and "1 forgotten session not shown" in result.output


def test_a_session_that_names_no_directory_goes_where_its_own_is_named_after(machine) -> None:
    app, other = machine.repository("app"), machine.repository("other")
    name = directory_of(str(app))
    machine.session(name, "one", app)
    machine.session(name, "two", other)
    machine.session(name, "empty", None)
    groups = machine.groups()
    assert {path: group.sessions for path, group in groups.items()} == {str(app): 2, str(other): 1}
