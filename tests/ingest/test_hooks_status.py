"""What `hooks status` says of each worktree, and the commands around it."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from click.testing import CliRunner

from ingest.cli import main
from ingest.hooks import script
from ingest.hooks.install import install
from ingest.hooks.script import HOOK, packaged_version
from ingest.hooks.status import read_hooks
from tests.ingest.hook_work import HookWork, hooked


@pytest.fixture
def work(tmp_path):
    return hooked(tmp_path)


def run(*arguments, code=0):
    result = CliRunner(env={"NO_COLOR": "1"}).invoke(main, ["hooks", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_every_worktree(work, tmp_path):
    for name in ("linked", "gone", "detached"):
        work.git("worktree", "add", "--quiet", "--detach", str(tmp_path / name))
    shutil.rmtree(tmp_path / "gone")
    found = {tree.path.name: tree for tree in read_hooks(tmp_path / "linked", 20).worktrees}
    assert {name: tree.state for name, tree in found.items()} == {
        "a repository": "intact",
        "linked": "intact",
        "gone": "directory is gone",
        "detached": "intact",
    }
    assert found["linked"].version == packaged_version() and found["linked"].is_intact


def test_the_last_commits(work):
    work.run_session()
    for _ in range(3):
        work.commit("By a session")
    work.environment["CLAUDE_CODE_SESSION_ID"] = ""
    work.commit("By hand")
    work.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--file=-")
    for last, expected in ((20, (6, 3)), (3, (3, 1)), (1, (1, 0))):
        tree = read_hooks(work.path, last).worktrees[0]
        assert (tree.commits, tree.commits_with_id) == expected


def test_merges_do_not_count(work):
    work.run_session()
    work.git("checkout", "--quiet", "-b", "other", "HEAD")
    work.commit("On the other")
    work.git("checkout", "--quiet", "main")
    work.git("merge", "--quiet", "--no-ff", "--no-edit", "other")
    tree = read_hooks(work.path, 20).worktrees[0]
    assert (tree.commits, tree.commits_with_id) == (2, 1)


def test_no_commit_no_hook(tmp_path):
    work = HookWork(tmp_path / "new", tmp_path / "home")
    tree = read_hooks(work.path, 20).worktrees[0]
    assert (tree.state, tree.version, tree.commits, tree.is_intact) == ("none", None, 0, False)


def test_what_is_wrong_is_said(work):
    hook = work.path / ".git" / "hooks" / HOOK
    hook.chmod(0o644)
    assert read_hooks(work.path, 1).worktrees[0].state == "not executable"
    hook.write_text(hook.read_text().replace("window_minutes=5", "window_minutes=500"))
    changed = read_hooks(work.path, 1).worktrees[0]
    assert (changed.state, changed.is_intact, changed.version) == ("changed", False, packaged_version())
    hook.write_text("#!/bin/sh\n")
    assert read_hooks(work.path, 1).worktrees[0].state == "foreign"


def test_a_hook_that_runs_first(tmp_path):
    work = HookWork(tmp_path / "new", tmp_path / "home")
    work.hook("#!/bin/sh\n")
    install(work.path)
    assert read_hooks(work.path, 1).worktrees[0].runs_first


def test_worktrees_with_hooks_of_their_own(work, tmp_path):
    """A relative path is another directory in each worktree."""
    work.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    work.git("config", "core.hooksPath", ".git/hooks")
    states = {tree.path.name: (tree.state, tree.scope) for tree in read_hooks(work.path, 1).worktrees}
    assert states == {"a repository": ("intact", "local"), "linked": ("none", "local")}


def test_a_bare_repository_and_a_submodule(work, tmp_path):
    bare = HookWork(tmp_path / "bare.git", work.home, "--bare")
    assert [tree.state for tree in read_hooks(bare.path, 5).worktrees] == ["bare repository"]
    install(bare.path)
    assert [tree.state for tree in read_hooks(bare.path, 5).worktrees] == ["intact"]
    inner = HookWork(tmp_path / "inner", work.home)
    inner.commit("inside")
    work.git("submodule", "--quiet", "add", str(inner.path), "module")
    install(work.path / "module")
    (tree,) = read_hooks(work.path / "module", 5).worktrees
    assert (tree.path, tree.state, tree.commits) == (work.path / "module", "intact", 1)


def test_a_separate_git_directory(tmp_path):
    work = HookWork(tmp_path / "new", tmp_path / "home", f"--separate-git-dir={tmp_path}/elsewhere")
    install(work.path)
    (tree,) = read_hooks(work.path, 5).worktrees
    assert (tree.path, tree.state, tree.directory) == (work.path, "intact", tmp_path / "elsewhere" / "hooks")


@pytest.mark.parametrize("name", ["two\nlines", "$(touch pwned)", 'it\'s "so"', "caf\udce9"])
def test_hostile_names(tmp_path, name):
    work = HookWork(tmp_path / name, tmp_path / "home")
    work.commit("x")
    assert run("install", work.path).count("\n") == 1
    (tree,) = json.loads(run("status", work.path, "--json"))["worktrees"]
    assert (tree["state"], tree["commits"]) == ("intact", 1)
    run("uninstall", work.path)
    assert not list(tmp_path.rglob("pwned"))


def test_the_commands(tmp_path):
    work = HookWork(tmp_path / "new", tmp_path / "home")
    work.hook("#!/bin/sh\n")
    assert "not ours" in run("status", work.path)
    assert "would be installed (version" in run("install", work.path, "--dry-run")
    said = run("install", work.path)
    assert "is installed (version" in said and "runs first" in said
    assert "nothing to do" in run("install", work.path)
    assert "set up, intact" in run("status", work.path, "--last", "3")
    assert json.loads(run("install", work.path, "--json"))["action"] == "unchanged"
    assert "back in its place" in run("uninstall", work.path)
    assert "nothing to do" in run("uninstall", work.path)
    assert run("status", tmp_path / "nowhere", code=1).startswith("Error: There is no directory")


def test_the_setting_is_named(tmp_path):
    work = HookWork(tmp_path / "new", tmp_path / "home")
    work.git("config", "core.hooksPath", ".git/others")
    assert "core.hooksPath is set (local: " in run("install", work.path)
    assert "(core.hooksPath, local)" in run("status", work.path)


def test_an_outdated_hook_is_pointed_out(work, monkeypatch):
    number = packaged_version() + 1
    newer = re.sub(rb"(hook-version: )\d+", rb"\g<1>%d" % number, script.packaged())
    monkeypatch.setattr(script, "packaged", lambda: newer)
    said = run("status", work.path)
    assert "outdated" in said and f"Version {number} comes with the program" in said
