"""Setting the hook up beside what is there, and taking it away again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.hooks import script
from ingest.hooks.install import install, uninstall
from ingest.hooks.script import BEFORE, HOOK, inspect
from tests.ingest.git_tools import git
from tests.ingest.hook_work import SESSION, TRAILER, HookWork


@pytest.fixture
def work(tmp_path):
    work = HookWork(tmp_path / "a repository", tmp_path / "home")
    work.run_session()
    return work


def picture(directory: Path):
    """Everything below a directory: kind, mode, target or content."""
    found = {}
    for path in sorted(directory.rglob("*")):
        kind = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(directory))] = (path.lstat().st_mode, kind)
    return found


def hooks(work):
    return work.path / ".git" / "hooks"


def refused(action, work, **options):
    """The one sentence; nothing on disk is changed."""
    before = picture(work.path.parent)
    with pytest.raises(IngestError) as error:
        action(work.path, **options)
    assert picture(work.path.parent) == before
    return str(error.value)


def test_install_twice_uninstall_twice(work):
    before = picture(hooks(work))
    assert install(work.path).action == "installed"
    assert os.access(hooks(work) / HOOK, os.X_OK)
    after = picture(hooks(work))
    assert install(work.path).action == "unchanged"
    assert picture(hooks(work)) == after
    assert uninstall(work.path).action == "uninstalled"
    assert picture(hooks(work)) == before
    assert uninstall(work.path).action == "unchanged"


def test_a_dry_run_changes_nothing(work):
    work.hook("#!/bin/sh\n")
    before = picture(work.path)
    planned = install(work.path, dry_run=True)
    assert (planned.action, planned.runs_first) == ("installed", True)
    assert picture(work.path) == before
    install(work.path)
    after = picture(work.path)
    planned = uninstall(work.path, dry_run=True)
    assert (planned.action, planned.restored) == ("uninstalled", True)
    assert picture(work.path) == after


def test_a_hook_that_is_there_runs_first_with_its_arguments(work):
    work.hook(
        f'#!/bin/sh\nprintf "%s|" "$@" >>"{work.home}/seen"\nprintf "Ticket 1: " | cat - "$1" >"$1.n"; mv "$1.n" "$1"\n'
    )
    before = picture(hooks(work))
    assert install(work.path).runs_first
    work.commit("Add a thing")
    assert work.message() == f"Ticket 1: Add a thing\n\n{TRAILER}"
    work.git("commit", "--quiet", "--allow-empty", "--amend", "--no-edit")
    assert (work.home / "seen").read_text() == ".git/COMMIT_EDITMSG|message|.git/COMMIT_EDITMSG|commit|HEAD|"
    assert uninstall(work.path).restored
    assert picture(hooks(work)) == before


def test_the_failure_of_a_hook_that_is_there_stops_the_commit(work):
    work.hook('#!/bin/sh\necho "not like this" >&2\nexit 3\n')
    install(work.path)
    assert "not like this" in work.fails("commit", "--allow-empty", "-m", "Add a thing")
    done = subprocess.run([hooks(work) / HOOK, "x", "message"], cwd=work.path, capture_output=True)
    assert (done.returncode, done.stderr) == (3, b"not like this\n")


def test_a_hook_that_git_would_not_run_is_kept_and_not_run(work):
    work.hook("#!/bin/sh\nexit 1\n", mode=0o644)
    before = picture(hooks(work))
    install(work.path)
    work.commit("Add a thing")
    assert work.ids() == [SESSION]
    uninstall(work.path)
    assert picture(hooks(work)) == before


def test_a_hook_that_is_a_link_is_kept_as_one(work):
    (work.path / "tools").mkdir()
    work.write("tools/hook", f"#!/bin/sh\ntouch '{work.home}/ran'\n")
    (work.path / "tools" / "hook").chmod(0o755)
    (hooks(work) / HOOK).symlink_to("../../tools/hook")
    before = picture(hooks(work))
    install(work.path)
    work.commit("Add a thing")
    assert work.ids() == [SESSION] and (work.home / "ran").exists()
    uninstall(work.path)
    assert picture(hooks(work)) == before


def test_what_cannot_be_kept_is_refused(work):
    hook = hooks(work) / HOOK
    hook.mkdir()
    assert "it is no file" in refused(install, work)
    hook.rmdir()
    hook.symlink_to("nowhere")
    assert "cannot be read" in refused(install, work)
    hook.unlink()
    os.mkfifo(hook)
    with pytest.raises(IngestError, match="it is no file"):
        install(work.path)
    hook.unlink()
    for line in ('. "$(dirname "$0")/_/h" "$(basename "$0")"', "name=${0##*/}", "hook_type = File.basename($0)"):
        work.hook(f"#!/bin/sh\n{line}\n")
        assert "own file name" in refused(install, work)


def test_an_interrupted_install_goes_on(work, monkeypatch):
    work.hook("#!/bin/sh\nexit 0\n")
    before = picture(hooks(work))

    def killed(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ingest.hooks.install.write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        install(work.path)
    monkeypatch.undo()
    assert (hooks(work) / HOOK).read_text() == "#!/bin/sh\nexit 0\n"  # never without it
    assert install(work.path).runs_first
    uninstall(work.path)
    assert picture(hooks(work)) == before


def test_a_file_system_without_hard_links(work, monkeypatch):
    def unsupported(*_arguments, **_options):
        raise PermissionError(1, "Operation not permitted")

    (hooks(work) / HOOK).symlink_to("pre-push.sample")
    work.hook("#!/bin/sh\n", "pre-push.sample")
    before = picture(hooks(work))
    monkeypatch.setattr(os, "link", unsupported)
    assert install(work.path).runs_first
    uninstall(work.path)
    assert picture(hooks(work)) == before


def test_a_hook_that_replaced_ours_is_left_alone(work):
    install(work.path)
    work.hook("#!/bin/sh\necho theirs\n")
    assert uninstall(work.path).action == "unchanged"
    work.hook("#!/bin/sh\necho first\n")
    install(work.path)
    work.hook("#!/bin/sh\necho second\n")
    assert "has been replaced by another hook" in refused(uninstall, work)
    assert "only one can run first" in refused(install, work)


def test_a_manager_that_keeps_ours_under_another_name_still_runs_it(work):
    work.hook(f'#!/bin/sh\necho first >>"{work.home}/ran"\n')
    install(work.path)
    (hooks(work) / HOOK).rename(hooks(work) / f"{HOOK}.legacy")
    work.hook(f'#!/bin/sh\necho manager >>"{work.home}/ran"\n"$0.legacy" "$@"\n')
    work.commit("Add a thing")
    assert work.ids() == [SESSION]
    assert (work.home / "ran").read_text() == "manager\nfirst\n"


def test_an_edited_hook_is_left_alone(work):
    install(work.path)
    with (hooks(work) / HOOK).open("a") as file:
        file.write("echo mine\n")
    assert inspect(hooks(work)).state == "changed"
    assert "was edited" in refused(install, work)
    assert "was edited" in refused(uninstall, work)


def test_a_hook_of_ours_that_was_deleted_is_set_up_again_with_its_chain(work):
    work.hook("#!/bin/sh\nexit 0\n")
    before = picture(hooks(work))
    install(work.path)
    (hooks(work) / HOOK).unlink()
    assert install(work.path).runs_first
    (hooks(work) / HOOK).unlink()
    assert uninstall(work.path).restored
    assert picture(hooks(work)) == before


def test_a_hook_that_lost_its_mode_is_repaired(work):
    install(work.path)
    (hooks(work) / HOOK).chmod(0o644)
    assert inspect(hooks(work)).state == "not executable"
    assert install(work.path).action == "updated"
    assert inspect(hooks(work)).state == "intact"


def version(monkeypatch, number):
    """From now on the program comes with another version of the script."""
    content = script.packaged().replace(b"ope-hook-version: 1", b"ope-hook-version: %d" % number)
    monkeypatch.setattr(script, "packaged", lambda: content)


def test_an_older_version_is_brought_up_to_date(work, monkeypatch):
    work.hook("#!/bin/sh\nexit 0\n")
    before = picture(hooks(work))
    install(work.path)
    version(monkeypatch, 2)
    assert (inspect(hooks(work)).state, inspect(hooks(work)).version) == ("outdated", 1)
    assert install(work.path).action == "updated"
    assert (inspect(hooks(work)).state, inspect(hooks(work)).version) == ("intact", 2)
    uninstall(work.path)
    assert picture(hooks(work)) == before


def test_a_newer_version_is_left_alone(work, monkeypatch):
    version(monkeypatch, 2)
    install(work.path)
    monkeypatch.undo()
    assert "newer version" in refused(install, work)
    assert uninstall(work.path).action == "uninstalled"


def test_a_directory_that_was_made_goes_again(work):
    for path in hooks(work).iterdir():
        path.unlink()
    hooks(work).rmdir()
    install(work.path)
    work.commit("Add a thing")
    assert work.ids() == [SESSION]
    uninstall(work.path)
    assert not hooks(work).exists()
    install(work.path)
    other = work.hook("#!/bin/sh\n", "pre-push")
    uninstall(work.path)
    assert list(hooks(work).iterdir()) == [other]


def test_an_empty_directory_that_was_there_stays(work):
    for path in hooks(work).iterdir():
        path.unlink()
    install(work.path)
    uninstall(work.path)
    assert hooks(work).is_dir()


def test_a_directory_that_cannot_be_written(work, monkeypatch):
    monkeypatch.setattr("ingest.hooks.install.os.access", lambda *_arguments: False)
    assert "not writable" in refused(install, work)
    monkeypatch.undo()
    install(work.path)

    def read_only(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", read_only)
    assert "cannot be changed (Permission denied)" in refused(uninstall, work)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_directory(work):
    hooks(work).chmod(0o555)
    try:
        assert "not writable" in refused(install, work)
    finally:
        hooks(work).chmod(0o755)


def test_no_repository(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        for action in (install, uninstall):
            with pytest.raises(IngestError, match="give the path of a clone"):
                action(path)


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


def test_names_of_files_stay_where_they_are(work):
    """The script and the installer mean the same file."""
    assert BEFORE.encode() in script.packaged() and HOOK == "prepare-commit-msg"
