"""data/projects.json: what is registered, refused, kept and stored."""

from __future__ import annotations

import json
import os
import stat
from datetime import date
from pathlib import Path

import git
import pytest

from ingest import files, registry
from ingest.errors import IngestError
from ingest.paths import DataDir


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "no-claude"))
    return DataDir(tmp_path / "data")


def directory(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def repository(path: Path) -> Path:
    with git.Repo.init(path) as repo:
        repo.config_writer().set_value("user", "name", "A").set_value("user", "email", "a@example.org").release()
        (path / "a").write_text("a\n")
        repo.index.add(["a"])
        repo.index.commit("first")
    return path


def session(root: Path, name: str, cwd: Path | str) -> Path:
    path = root / name / "s1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "summary"}) + "\n" + json.dumps({"type": "user", "cwd": str(cwd)}) + "\n")
    return path.parent


def test_nothing_is_registered_at_first(data):
    assert registry.load_projects(data) == []
    assert not data.root.exists()


def test_register_writes_a_valid_private_file(data, tmp_path):
    sessions = directory(tmp_path / "s")
    project = registry.register(data, name="Größe & Co.", sessions=[sessions], since="2026-01-31", notes="n")
    assert project.project_id == "groe-co"
    assert (project.status, project.instrumentation_tier) == ("pending_processing", None)
    assert project.session_directories == (str(sessions.resolve()),)
    assert (project.repository, project.repository_paths, project.git_metadata) == (None, (), None)
    assert registry.load_projects(data) == [project] and registry.get_project(data, "groe-co") == project
    document = json.loads(data.registry.read_text())
    assert document["schema_version"] == 1 and document["projects"][0]["id"] == "groe-co"
    assert stat.S_IMODE(data.registry.stat().st_mode) == 0o600
    assert [path.name for path in data.root.iterdir()] == ["projects.json"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Entire CLI", "entire-cli"), ("--A__b!!", "a-b"), ("Ünï 2.0", "uni-2-0"), ("日本", ""), ("x" * 150, "x" * 100)],
)
def test_slug(name, expected):
    assert registry.slug(name) == expected


@pytest.mark.parametrize("identifier", ["A", "-a", "a/b", "..", "a b", "é", "x" * 101])
def test_an_id_that_is_no_slug_is_refused(data, tmp_path, identifier):
    with pytest.raises(IngestError, match="--id"):
        registry.register(data, name="x", sessions=[directory(tmp_path / "s")], project_id=identifier)
    assert not data.registry.exists()


def test_a_name_without_letters_needs_an_id(data, tmp_path):
    sessions = directory(tmp_path / "s")
    with pytest.raises(IngestError, match="--id"):
        registry.register(data, name="日本", sessions=[sessions])
    assert registry.register(data, name="日本", sessions=[sessions], project_id="jp").name == "日本"


def test_adding_again_updates_and_keeps_date_and_status(data, tmp_path, monkeypatch):
    first = registry.register(data, name="P", sessions=[directory(tmp_path / "s")], notes="old", since=date(2026, 1, 2))
    registry.set_status(data, "p", "completed", 2)
    entry = json.loads(data.registry.read_text())
    entry["projects"][0]["added_at"] = "2020-01-01T00:00:00Z"
    data.registry.write_text(json.dumps(entry))
    again = registry.register(data, name="P", sessions=[directory(tmp_path / "t")], notes="new")
    assert (again.added_at, again.status, again.instrumentation_tier) == ("2020-01-01T00:00:00Z", "completed", 2)
    assert (again.notes, again.since) == ("new", first.since)
    assert again.session_directories == (str((tmp_path / "t").resolve()),)
    kept = registry.register(data, name="P")
    assert kept == again
    assert len(registry.load_projects(data)) == 1


def test_two_names_with_one_slug_are_not_mixed(data, tmp_path):
    registry.register(data, name="My App", sessions=[directory(tmp_path / "s")])
    with pytest.raises(IngestError, match="'My App'"):
        registry.register(data, name="my_app", sessions=[directory(tmp_path / "t")])
    assert registry.register(data, name="my_app", project_id="my-app").name == "my_app"


def test_overlap_is_refused_and_both_are_named(data, tmp_path):
    outer = directory(tmp_path / "outer")
    inner = directory(outer / "inner")
    beside = directory(tmp_path / "outer-2")
    link = tmp_path / "link"
    link.symlink_to(outer)
    registry.register(data, name="One", sessions=[outer])
    for other in (outer, inner, link, link / "inner", tmp_path):
        with pytest.raises(IngestError) as error:
            registry.register(data, name="Two", sessions=[beside, other])
        assert "'one'" in str(error.value) and "'two'" in str(error.value) and str(outer) in str(error.value)
    registry.register(data, name="Two", sessions=[beside])
    registry.register(data, name="One", sessions=[outer])
    assert [project.project_id for project in registry.load_projects(data)] == ["one", "two"]


def test_nested_directories_of_one_project_are_read_once(data, tmp_path):
    inner = directory(tmp_path / "outer" / "inner")
    project = registry.register(data, name="One", sessions=[inner, inner.parent, inner])
    assert project.session_directories == (str(inner.parent.resolve()),)


def test_what_does_not_exist_is_refused_with_advice(data, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    for arguments, advice in (
        ({"sessions": [tmp_path / "no"]}, "--sessions"),
        ({"sessions": [plain]}, "--sessions"),
        ({"repository": tmp_path / "no"}, "--repo"),
        ({"repository": directory(tmp_path / "not-a-repository")}, "--repo"),
        ({"git_metadata": tmp_path / "no.json"}, "--git-metadata"),
        ({"git_metadata": tmp_path}, "--git-metadata"),
        ({"sessions": [tmp_path], "since": "yesterday"}, "YYYY-MM-DD"),
        ({}, "--repo, --sessions or --git-metadata"),
    ):
        with pytest.raises(IngestError, match=advice):
            registry.register(data, name="P", **arguments)
    with pytest.raises(IngestError, match="name"):
        registry.register(data, name="  ", sessions=[tmp_path])
    assert not data.registry.exists()


def test_credentials_of_urls_are_never_stored(data, tmp_path):
    password = "pass" + "word-" + "1" * 8
    url = f"https://user:{password}@git.example.org/a/b.git"
    with pytest.raises(IngestError) as error:
        registry.register(data, name="P", repository=url)
    assert password not in str(error.value) and "git.example.org" in str(error.value)
    sessions = directory(tmp_path / "s")
    registry.register(data, name=f"P {url}", notes=f"clone of {url}", sessions=[sessions], project_id="p")
    text = data.registry.read_text()
    assert password not in text and "user" not in text and "https://git.example.org/a/b.git" in text


@pytest.mark.parametrize("secret", ["a/b", "a@b", "a#b?c", "x" + "1" * 9])
def test_credentials_are_cut_whatever_they_hold(secret):
    cut = registry.without_credentials(f"x ssh://u:{secret}@host/p?q=1 y")
    assert secret not in cut and cut.endswith("/p?q=1 y") and "host" in cut


def test_a_url_without_credentials_stays_as_it_is():
    text = "https://host:8080/@scope/pkg, https://host/@x, git@host:a/b.git, mail a@b.c"
    assert registry.without_credentials(text) == text


def test_repository_paths_are_the_root_and_all_worktrees(data, tmp_path):
    root = repository(tmp_path / "repo")
    with git.Repo(root) as repo:
        repo.git.worktree("add", "-q", str(tmp_path / "elsewhere" / "wt"), "-b", "w")
        repo.git.worktree("add", "-q", str(root / ".worktrees" / "in"), "-b", "i")
    below = directory(root / "below")
    for given in (root, below, tmp_path / "elsewhere" / "wt"):
        project = registry.register(data, name="P", repository=given)
        assert project.repository_paths[0] == str(root.resolve())
        assert set(project.repository_paths) == {
            str(root.resolve()),
            str(tmp_path / "elsewhere" / "wt"),
            str(root / ".worktrees" / "in"),
        }
    assert registry.register(data, name="P", repository=below).repository == str(root.resolve())


def test_a_link_to_the_repository_counts_as_its_path_too(data, tmp_path):
    root = repository(tmp_path / "repo")
    link = tmp_path / "link"
    link.symlink_to(root)
    assert set(registry.register(data, name="P", repository=link).repository_paths) == {str(root), str(link)}


def test_bare_repository(data, tmp_path):
    git.Repo.init(tmp_path / "b.git", bare=True).close()
    project = registry.register(data, name="P", repository=tmp_path / "b.git")
    assert project.repository_paths == (str(tmp_path / "b.git"),)


def test_session_directories_are_found_and_added_to_the_known_ones(data, tmp_path, monkeypatch):
    root = repository(tmp_path / "repo")
    claude = tmp_path / "claude" / "projects"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    first = session(claude, "any-name", root)
    session(claude, "other", tmp_path)
    assert registry.register(data, name="P", repository=root).session_directories == (str(first),)
    second = session(claude, "second", root / "gone")
    again = registry.register(data, name="P", repository=root)
    assert again.session_directories == (str(first), str(second))


def test_remove_and_status(data, tmp_path):
    project = registry.register(data, name="P", sessions=[directory(tmp_path / "s")])
    for status in registry.STATUSES:
        registry.set_status(data, "p", status)
        assert registry.get_project(data, "p").status == status
    with pytest.raises(IngestError, match="status"):
        registry.set_status(data, "p", "done")
    registry.set_status(data, "p", "completed", 1)
    registry.set_status(data, "p", "completed")
    assert registry.get_project(data, "p").instrumentation_tier == 1
    registry.set_status(data, "p", "completed", None)
    assert registry.remove(data, "p").added_at == project.added_at
    assert registry.load_projects(data) == []
    for call in (registry.get_project, registry.remove):
        with pytest.raises(IngestError, match="registered: none yet"):
            call(data, "p")


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"schema_version": 2, "projects": []}', '{"schema_version": 1, "projects": [{"id": "x"}]}', "\udcff"],
)
def test_a_broken_registry_is_one_sentence_and_stays(data, tmp_path, content):
    data.root.mkdir()
    data.registry.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(IngestError, match=r"projects\.json"):
        registry.load_projects(data)
    with pytest.raises(IngestError):
        registry.register(data, name="P", sessions=[directory(tmp_path / "s")])
    assert data.registry.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_an_id_that_stands_twice_is_refused(data, tmp_path):
    registry.register(data, name="P", sessions=[directory(tmp_path / "s")])
    document = json.loads(data.registry.read_text())
    data.registry.write_text(json.dumps({**document, "projects": document["projects"] * 2}))
    with pytest.raises(IngestError, match="twice"):
        registry.load_projects(data)


def test_a_failed_write_leaves_the_old_registry(data, tmp_path, monkeypatch):
    registry.register(data, name="P", sessions=[directory(tmp_path / "s")])
    before = data.registry.read_bytes()

    def full(descriptor, content):
        os.write(descriptor, bytes(content[:3]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_all", full)
    with pytest.raises(IngestError, match="disk is full"):
        registry.register(data, name="Q", sessions=[directory(tmp_path / "t")])
    assert data.registry.read_bytes() == before
    assert [path.name for path in data.root.iterdir()] == ["projects.json"]


def test_a_second_command_waits_for_nobody_and_says_so(data, tmp_path):
    with (
        files.exclusive_lock(data.root, "the registry"),
        pytest.raises(IngestError, match="Another command"),
    ):
        registry.register(data, name="P", sessions=[directory(tmp_path / "s")])


@pytest.mark.parametrize(
    ("path", "parent", "expected"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a/", True),
        ("/ab", "/a", False),
        ("/a", "/a/b", False),
        ("/a", "/", True),
        ("c:\\Users\\x\\repo\\src", "C:/Users/x/repo", True),
        ("C:\\Users\\x\\repo2", "c:\\Users\\x\\repo", False),
        ("C:\\Users\\X", "c:\\Users\\x", False),
        ("/A", "/a", False),
    ],
)
def test_is_inside(path, parent, expected):
    assert files.is_inside(path, parent) is expected
