"""Where the hook goes: worktrees, bare repositories, and `core.hooksPath`."""

from __future__ import annotations

import pytest

from ingest.hooks import script
from ingest.hooks.install import install, uninstall
from ingest.hooks.script import HOOK, inspect
from tests.ingest.git_tools import git
from tests.ingest.hook_work import SESSION, TRAILER, HookWork, hooks, refused


@pytest.fixture
def work(tmp_path):
    work = HookWork(tmp_path / "a repository", tmp_path / "home")
    work.run_session()
    return work


def test_from_below_from_a_worktree_and_in_a_bare_repository(work, tmp_path):
    work.write("sub/file", "1\n")
    work.commit("Add a thing")
    work.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    for place in (work.path / "sub", tmp_path / "linked", work.path / ".git"):
        assert install(place).directory == hooks(work)
        assert uninstall(place).action == "uninstalled"
    bare = HookWork(tmp_path / "bare.git", work.home, "--bare")
    assert install(bare.path).directory == bare.path / "hooks"
    bare.git("fetch", "--quiet", str(work.path), "main:main")
    bare.git("worktree", "add", "--quiet", str(tmp_path / "of bare"), "main")
    git(tmp_path / "of bare", "commit", "--quiet", "--allow-empty", "-m", "x", **work.environment)
    assert TRAILER in git(tmp_path / "of bare", "log", "-1", "--format=%B")


def test_a_hooks_path_inside_the_git_directory(work):
    work.git("config", "core.hooksPath", '.git/my hooks \'n "quotes"')
    done = install(work.path)
    assert (done.scope, done.directory.name) == ("local", 'my hooks \'n "quotes"')
    work.commit("Add a thing")
    assert work.ids() == [SESSION]
    uninstall(work.path)
    assert not done.directory.exists()


@pytest.mark.parametrize("setting", [".husky/_", "tools/hooks", "."])
def test_a_hooks_path_inside_the_checkout_is_refused(work, setting):
    work.write("tools/hooks/prepare-commit-msg", "#!/bin/sh\n")
    work.write(".husky/_/prepare-commit-msg", "#!/bin/sh\n")
    work.git("config", "core.hooksPath", setting)
    for options in ({}, {"allow_shared": True}):
        sentence = refused(install, work, **options)
        assert "inside of the checkout" in sentence and f'sh "{script.SOURCE}" "$@"' in sentence


def test_the_line_for_a_hook_in_the_checkout_works(work):
    work.write(".githooks/prepare-commit-msg", f'#!/bin/sh\nsh "{script.SOURCE}" "$@"\n')
    (work.path / ".githooks" / HOOK).chmod(0o755)
    work.git("config", "core.hooksPath", ".githooks")
    work.commit("Add a thing")
    assert work.ids() == [SESSION]


@pytest.mark.parametrize("scope", ["global", "local"])
def test_a_shared_hooks_path_needs_a_word(work, tmp_path, monkeypatch, scope):
    shared = tmp_path / "shared hooks"
    shared.mkdir()
    settings = tmp_path / "settings"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    work.environment["GIT_CONFIG_GLOBAL"] = str(settings)
    work.git("config", f"--{scope}", "core.hooksPath", str(shared))
    sentence = refused(install, work)
    assert f"core.hooksPath, {scope}" in sentence and "--shared-hooks-path" in sentence
    assert install(work.path, allow_shared=True).directory == shared
    work.commit("Add a thing")
    assert work.ids() == [SESSION]
    assert "--shared-hooks-path" in refused(uninstall, work)
    assert uninstall(work.path, allow_shared=True).action == "uninstalled"
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize("setting", ["/dev/null", ""])
def test_hooks_that_are_switched_off(work, setting):
    work.git("config", "core.hooksPath", setting)
    assert "git runs no hooks" in refused(install, work)


def test_a_hooks_path_only_in_a_worktree(work, tmp_path):
    work.commit("Add a thing")
    work.git("config", "extensions.worktreeConfig", "true")
    work.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    git(tmp_path / "linked", "config", "--worktree", "core.hooksPath", str(work.path / ".git" / "others"))
    assert install(tmp_path / "linked").scope == "worktree"
    assert install(work.path).scope is None
    assert inspect(work.path / ".git" / "others").state == inspect(hooks(work)).state == "intact"
