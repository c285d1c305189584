"""Which commit messages get the trailer, and where in them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from ingest.hooks.install import install
from ingest.hooks.script import HOOK, packaged
from tests.ingest.hook_work import OTHER, SESSION, TRAILER, HookWork, hooked

SCISSORS = "# ------------------------ >8 ------------------------"


@pytest.fixture
def work(tmp_path):
    work = hooked(tmp_path)
    work.run_session()
    return work


def edited(work, *arguments, script, **environment):
    """A commit in an editor; what the editor was given."""
    work.write("changed", f"{work.seconds} {script}")
    work.git("add", "--all")
    editor = work.editor(f'cp "$1" "{work.home}/given"\n{script}')
    work.git("commit", "--quiet", *arguments, **editor, **environment)
    return (work.home / "given").read_text()


def commit(work, message, *arguments):
    """A commit with `-F -`, as it is."""
    data = message if isinstance(message, bytes) else message.encode()
    work.git("commit", "--quiet", "--allow-empty", "--file=-", *arguments, data=data)
    return work.git("cat-file", "commit", "HEAD").split("\n\n", 1)[1]


def test_a_commit_of_a_running_session_gets_the_trailer(work):
    assert commit(work, "Add a thing") == f"Add a thing\n\n{TRAILER}"


def test_no_session_no_trailer(work):
    work.environment["CLAUDE_CODE_SESSION_ID"] = ""
    assert commit(work, "Add a thing") == "Add a thing"


def test_the_trailer_joins_those_that_are_there(work):
    text = "Add a thing\n\nWhy.\n\nSigned-off-by: Ada <ada@example.com>"
    assert commit(work, text) == f"{text}\n{TRAILER}"


def test_it_is_never_written_twice(work):
    for there in (TRAILER, f"Claude-Session-Id: {OTHER}", f"claude-session-id : {OTHER}"):
        text = f"Add a thing\n\n{there}\n\nA last paragraph."
        assert commit(work, text) == text


def test_another_trailer_of_the_agent_does_not_stand_for_it(work):
    text = "Add a thing\n\nClaude-Session: https://example.org/session_1"
    assert commit(work, text) == f"{text}\n{TRAILER}"


def test_a_line_of_hyphens_is_text(work):
    text = "Add a thing\n\nbefore\n---\nafter"
    assert commit(work, text) == f"{text}\n\n{TRAILER}"


def test_line_ends_of_windows(work):
    assert commit(work, b"Add a thing\r\n\r\nWhy.\r\n") == f"Add a thing\n\nWhy.\n\n{TRAILER}"
    data = b"Add a thing\r\n\r\nWhy.\r\n\r\nSigned-off-by: A <a@b>\r\n"
    work.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file=-", data=data)
    assert work.message() == f"Add a thing\r\n\r\nWhy.\r\n\r\nSigned-off-by: A <a@b>\n{TRAILER}"
    again = f"Add a thing\r\n\r\n{TRAILER}\r\n".encode()
    work.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file=-", data=again)
    assert work.message().count("Claude-Session-Id") == 1


def test_a_message_that_is_no_text(work):
    work.git("commit", "--quiet", "--allow-empty", "--file=-", data=b"caf\xe9\n")
    assert work.ids() == [SESSION]


def test_an_empty_message_still_stops_the_commit(work):
    for arguments in (["--allow-empty", "--file=-"], ["--allow-empty", "--file=-", "--signoff"]):
        assert "mpty commit message" in work.fails("commit", *arguments)
    assert "mpty commit message" in work.fails("commit", "--allow-empty", "-m", " ")
    assert "mpty commit message" in work.fails("commit", "--allow-empty", **work.editor("exit 0"))
    assert "mpty commit message" in work.fails("commit", "--allow-empty", "-v", "--signoff", **work.editor("exit 0"))
    assert "mpty commit message" in work.fails("commit", "--allow-empty", "--cleanup=strip", "-m", "# a comment")
    work.git("commit", "--allow-empty", "--allow-empty-message", "--file=-")
    assert work.message() == ""


def test_a_template_that_is_left_untouched_still_stops_the_commit(work):
    (work.home / "template").write_text("Subject\n\nWhy?\n")
    stopped = work.fails("commit", "--allow-empty", f"--template={work.home}/template", **work.editor("exit 0"))
    assert "did not edit the message" in stopped


def test_comments_stay_below_the_trailer(work):
    given = edited(work, "-e", "-m", "Add a thing", script="exit 0")
    assert given.startswith(f"Add a thing\n\n{TRAILER}\n\n# Please enter")
    assert work.message() == f"Add a thing\n\n{TRAILER}"


@pytest.mark.parametrize("character", [";", "@", "auto"])
def test_other_characters_for_comments(work, character):
    work.git("config", "core.commentChar", character)
    given = edited(work, "-e", "-m", "Add a thing\n\n#1 is text", script="exit 0")
    sign = given.splitlines()[-1][0]
    assert sign == (character if character != "auto" else ";")
    assert given.startswith(f"Add a thing\n\n#1 is text\n\n{TRAILER}\n\n{sign} Please enter")
    assert work.message() == f"Add a thing\n\n#1 is text\n\n{TRAILER}"
    assert "mpty commit message" in work.fails("commit", "--allow-empty", **work.editor("exit 0"))


def test_the_diff_below_the_scissors_stays_there(work):
    given = edited(work, "-v", "-e", "-m", "Add a thing", script="exit 0")
    assert given.startswith(f"Add a thing\n\n{TRAILER}\n\n# Please enter")
    assert given.index(TRAILER) < given.index(SCISSORS) < given.index("diff --git")
    assert work.message() == f"Add a thing\n\n{TRAILER}"


def test_a_trailer_in_the_diff_is_none_of_the_message(work):
    work.write("notes", f"{TRAILER}\n\n{TRAILER}\n")
    edited(work, "-v", "-e", "-m", "Add a thing", script="exit 0")
    assert work.message() == f"Add a thing\n\n{TRAILER}"


def test_scissors_in_a_message(work):
    text = f"Add a thing\n\nWhy.\n\n{SCISSORS}\n# below\nnot in the message"
    edited(work, "-e", "--cleanup=scissors", "-m", text, script="exit 0")
    assert work.message() == f"Add a thing\n\nWhy.\n\n{TRAILER}"
    assert "mpty commit message" in work.fails(
        "commit", "--allow-empty", "-e", "--cleanup=scissors", "-m", f"{SCISSORS}\nonly below", **work.editor("exit 0")
    )


def test_trailers_that_the_user_has_configured_are_not_run(work):
    work.git("config", "trailer.mark.command", f"touch '{work.home}/was-run'; echo yes")
    work.git("config", "trailer.separators", "=")
    work.git("config", "trailer.where", "start")
    commit(work, "Add a thing\n\nSigned-off-by: A <a@b>")
    assert work.message() == f"Add a thing\n\nSigned-off-by: A <a@b>\n{TRAILER}"
    work.git("-c", "trailer.more.command=echo yes", "commit", "--quiet", "--allow-empty", "-m", "With a setting")
    assert work.message() == f"With a setting\n\n{TRAILER}"
    assert not (work.home / "was-run").exists()


def test_an_amended_commit_keeps_its_message(work):
    work.environment["CLAUDE_CODE_SESSION_ID"] = ""
    commit(work, "Add a thing")
    work.run_session()
    work.git("commit", "--quiet", "--allow-empty", "--amend", "--no-edit")
    assert work.message() == "Add a thing"
    for option in ("--amend", "--ame"):
        work.git("commit", "--quiet", "--allow-empty", option, "-m", "Said better")
        assert work.message() == "Said better"
    work.git("-c", "alias.again=commit --amend -m", "again", "By an alias", "--allow-empty")
    assert work.message() == "By an alias"


def test_a_reused_message_is_kept(work):
    work.git("commit", "--quiet", "--allow-empty", "-C", "HEAD")
    assert work.message() == "from before"


@pytest.fixture
def forked(work):
    """`other` and `main` with a commit each, made without a session."""
    work.environment["CLAUDE_CODE_SESSION_ID"] = ""
    work.git("checkout", "--quiet", "-b", "other")
    work.write("other", "1\n")
    work.commit("On the other branch")
    work.git("checkout", "--quiet", "main")
    work.write("main", "1\n")
    work.commit("On main")
    work.run_session()
    return work


def test_a_merge_gets_none(forked):
    forked.git("merge", "--quiet", "--no-ff", "--no-edit", "other")
    assert forked.message() == "Merge branch 'other'"


def test_a_merge_with_a_message_of_its_own_gets_none(forked):
    forked.git("merge", "--quiet", "--no-ff", "-m", "Take it in", "other")
    assert forked.message() == "Take it in"


def test_a_merge_that_is_finished_by_hand_gets_none(forked):
    forked.git("merge", "--quiet", "--no-ff", "--no-commit", "other")
    forked.git("commit", "--quiet", "--no-edit")
    assert forked.message() == "Merge branch 'other'"


def test_a_squash_gets_none(forked):
    forked.git("merge", "--quiet", "--squash", "other")
    forked.git("commit", "--quiet", "--no-edit")
    assert "Squashed commit" in forked.message() and forked.ids() == []


def test_a_picked_commit_keeps_its_message(forked):
    forked.git("cherry-pick", "other")
    assert forked.message() == "On the other branch"


def test_a_picked_commit_keeps_the_trailer_of_its_session(forked):
    forked.git("checkout", "--quiet", "other")
    forked.run_session(OTHER)
    forked.write("other", "2\n")
    forked.commit("By another session")
    forked.git("checkout", "--quiet", "main")
    forked.run_session()
    forked.git("cherry-pick", "other~1", "other")
    assert forked.ids() == [OTHER] and forked.ids("HEAD~1") == []


def test_a_pick_with_a_conflict_keeps_its_message(forked):
    forked.write("other", "conflict\n")
    forked.commit("In the way")
    forked.fails("cherry-pick", "other")
    forked.write("other", "solved\n")
    forked.git("add", "--all")
    forked.git("-c", "core.editor=true", "cherry-pick", "--continue", GIT_EDITOR="true")
    assert forked.message() == "On the other branch"


def test_a_revert_is_a_new_commit(forked):
    forked.git("revert", "--no-edit", "HEAD")
    assert forked.ids() == [SESSION]


def test_rebased_commits_keep_their_messages(forked):
    forked.git("rebase", "--quiet", "other")
    assert forked.message() == "On main" and forked.message("HEAD~1") == "On the other branch"


def test_an_interactive_rebase(forked):
    for number in range(4):
        forked.environment["CLAUDE_CODE_SESSION_ID"] = ""
        forked.write("main", f"{number} of several\n")
        forked.commit(f"Number {number}")
    forked.run_session()
    todo = forked.home / "todo.sh"
    todo.write_text("#!/bin/sh\nsed -i.old -e '1s/^pick/reword/' -e '2s/^pick/fixup/' -e '4s/^pick/squash/' \"$1\"\n")
    todo.chmod(0o755)
    editor = forked.editor('sed -i.old -e "1s/^/Now: /" "$1"')
    forked.git("rebase", "--quiet", "-i", "--no-ff", "HEAD~4", GIT_SEQUENCE_EDITOR=f"'{todo}'", **editor)
    messages = forked.git("log", "--format=%B", "-3")
    assert "Now: Number 0" in messages and "Number 3" in messages
    assert "Claude-Session-Id" not in messages


def test_a_new_commit_while_a_rebase_stands_still(forked):
    todo = forked.home / "todo.sh"
    todo.write_text('#!/bin/sh\necho break >> "$1"\n')
    todo.chmod(0o755)
    forked.git("rebase", "--quiet", "-i", "--no-ff", "HEAD~1", GIT_SEQUENCE_EDITOR=f"'{todo}'")
    forked.git("commit", "--quiet", "--allow-empty", "-m", "Between")
    assert forked.ids() == [SESSION] and forked.ids("HEAD~1") == []


def test_fixup_commits(work):
    work.git("commit", "--quiet", "--allow-empty", "--fixup=HEAD")
    assert work.message() == f"fixup! from before\n\n{TRAILER}"


def test_a_detached_head(work):
    work.git("checkout", "--quiet", "--detach")
    assert commit(work, "Add a thing") == f"Add a thing\n\n{TRAILER}"


def test_the_first_commit_of_all(tmp_path):
    work = HookWork(tmp_path / "new", tmp_path / "home")
    install(work.path)
    work.run_session()
    assert commit(work, "The first") == f"The first\n\n{TRAILER}"


def run_alone(work, *arguments, shell=(), path=None):
    """The hook without git around it."""
    environment = work.environment | {"PATH": path or os.environ["PATH"]}
    command = [*shell, work.path / ".git" / "hooks" / HOOK, *arguments]
    return subprocess.run(command, cwd=work.path, env=environment, capture_output=True)


def silent_success(done):
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_message_file_that_is_not_there_or_empty(work):
    empty = work.home / "empty"
    empty.touch()
    for arguments in ([empty], [work.home / "nowhere"], [work.home], []):
        assert silent_success(run_alone(work, *arguments))
    assert empty.read_bytes() == b""


@pytest.mark.parametrize("broken", ["everything", "git", "awk"])
def test_what_cannot_be_run_is_no_failure(work, broken):
    """Not one of the commands that the hook is made of is there, or one always fails."""
    message = work.home / "message"
    message.write_text("Add a thing\n")
    directory = work.home / "bin"
    directory.mkdir()
    path = f"{directory}:{os.environ['PATH']}"
    if broken == "everything":
        path = str(directory)
    else:
        (directory / broken).write_text("#!/bin/sh\nexit 1\n")
        (directory / broken).chmod(0o755)
    assert run_alone(work, message, path=path).returncode == 0
    assert message.read_text() == "Add a thing\n"


def test_it_is_plain_posix_shell(work):
    """Every shell that is here and may stand behind /bin/sh takes it."""
    shells = {"sh": [], "dash": [], "bash": ["--posix"], "ksh": [], "busybox": ["sh"]}
    for shell, options in shells.items():
        if not shutil.which(shell):
            continue
        message = work.home / "message"
        message.write_text("Add a thing\n")
        assert silent_success(run_alone(work, message, shell=[shutil.which(shell), *options])), shell
        assert message.read_text() == f"Add a thing\n\n{TRAILER}\n", shell
    assert b"[[ " not in packaged() and packaged().startswith(b"#!/bin/sh\n")
