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
from tests.ingest.hook_work import SESSION, TRAILER, HookWork, hooks, picture, refused

# The version that comes with the program.
NOW = script.packaged_version()


@pytest.fixture
def work(tmp_path):
    work = HookWork(tmp_path / "a repository", tmp_path / "home")
    work.run_session()
    return work


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
    content = script.packaged().replace(b"ope-hook-version: %d" % NOW, b"ope-hook-version: %d" % number)
    monkeypatch.setattr(script, "packaged", lambda: content)


def test_an_older_version_is_brought_up_to_date(work, monkeypatch):
    work.hook("#!/bin/sh\nexit 0\n")
    before = picture(hooks(work))
    install(work.path)
    version(monkeypatch, NOW + 1)
    assert (inspect(hooks(work)).state, inspect(hooks(work)).version) == ("outdated", NOW)
    assert install(work.path).action == "updated"
    assert (inspect(hooks(work)).state, inspect(hooks(work)).version) == ("intact", NOW + 1)
    uninstall(work.path)
    assert picture(hooks(work)) == before


def test_a_newer_version_is_left_alone(work, monkeypatch):
    version(monkeypatch, NOW + 1)
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


def test_names_of_files_stay_where_they_are(work):
    """The script and the installer mean the same file."""
    assert BEFORE.encode() in script.packaged() and HOOK == "prepare-commit-msg"
