"""Which session the hook takes for the running one: by the environment, then by the log that is being written."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from ingest.hooks.install import install
from tests.ingest.git_tools import git
from tests.ingest.hook_work import OTHER, OTHER_AGENTS, SESSION, HookWork, hooked


@pytest.fixture
def work(tmp_path):
    return hooked(tmp_path)


def ids(work, **environment):
    work.commit("a change", **environment)
    return work.ids()


def test_the_environment_comes_first(work):
    work.log(work.path, OTHER)
    assert ids(work, CLAUDE_CODE_SESSION_ID=SESSION) == [SESSION]
    assert ids(work, CLAUDE_SESSION_ID=SESSION) == [SESSION]
    assert ids(work, CLAUDE_CODE_SESSION_ID=SESSION, CLAUDE_SESSION_ID=OTHER) == [SESSION]


def test_the_environment_decides_where_several_logs_are_written(work):
    work.log(work.path, OTHER)
    work.log(work.path, SESSION)
    assert ids(work, CLAUDE_CODE_SESSION_ID=SESSION) == [SESSION]


@pytest.mark.parametrize(
    "value", ["agent-" + SESSION[6:], "agent-a1b2c3", f"{SESSION}x", f"{SESSION}\n{OTHER}", "$(id)"]
)
def test_only_an_id_of_a_session_counts(work, value):
    assert ids(work, CLAUDE_CODE_SESSION_ID=value) == []
    assert ids(work, CLAUDE_CODE_SESSION_ID=value, CLAUDE_SESSION_ID=SESSION) == [SESSION]


def test_the_log_that_is_being_written(work):
    work.log(work.path)
    assert ids(work) == [SESSION]


def test_a_log_that_rests_is_not_a_running_session(work):
    work.log(work.path, minutes=6)
    assert ids(work) == []
    work.log(work.path, minutes=3)
    assert ids(work) == [SESSION]


def test_a_log_that_rests_does_not_disturb(work):
    work.log(work.path)
    work.log(work.path, OTHER, minutes=6)
    assert ids(work) == [SESSION]


def test_two_running_sessions_are_one_too_many(work):
    work.log(work.path)
    work.log(work.path, OTHER)
    assert ids(work) == []


def test_a_subagent_writes_for_its_session(work):
    work.log(work.path, minutes=30)
    work.log(work.path, below=f"{SESSION}/subagents/agent-a1b2.jsonl")
    assert ids(work) == [SESSION]
    work.log(work.path, OTHER)
    assert ids(work) == []


def test_logs_that_are_no_session(work):
    for name in ("agent-a1b2c3.jsonl", "notes.jsonl", f"{SESSION}.txt", f"{SESSION}/tool-results/{OTHER}.jsonl"):
        work.log(work.path, below=name)
    work.log(work.path, below=f"agent-{SESSION[6:]}.jsonl")
    (work.log(work.path, minutes=30).parent / f"{OTHER}.jsonl").mkdir()
    assert ids(work) == []


def test_the_configured_directory_of_the_agent(work):
    work.log(work.path)
    (work.home / ".claude").rename(work.home / "else where")
    assert ids(work) == []
    assert ids(work, CLAUDE_CONFIG_DIR=f"{work.home}/else where") == [SESSION]
    assert ids(work, CLAUDE_CONFIG_DIR=f"{work.home}/else where", HOME="") == [SESSION]
    assert ids(work, CLAUDE_CONFIG_DIR="else where") == []


def test_no_home(work):
    del work.environment["HOME"]
    home = os.environ.pop("HOME", None)
    try:
        assert ids(work) == []
        assert ids(work, CLAUDE_CODE_SESSION_ID=SESSION) == [SESSION]
    finally:
        if home is not None:
            os.environ["HOME"] = home


def test_another_agent_commits(work):
    work.log(work.path)
    for name in OTHER_AGENTS.split():
        assert ids(work, **{name: "1"}) == []
    assert ids(work, CURSOR_AGENT="1", CLAUDECODE="1") == [SESSION]
    assert ids(work, CURSOR_AGENT="1", CLAUDE_CODE_SESSION_ID=OTHER) == [OTHER]


def test_directories_with_the_same_encoded_name(tmp_path):
    work = hooked(tmp_path, "a.b")
    log = work.log(work.path, cwd=tmp_path / "a-b")
    assert ids(work) == []
    log.write_text(log.read_text() + f'{{"cwd":"{work.path}/sub"}}\n')
    assert ids(work) == [SESSION]
    log.write_text(log.read_text() + f'{{"cwd":"{work.path}-more"}}\n')
    assert ids(work) == []


def test_a_log_that_names_no_directory(work):
    work.log(work.path).write_text('{"type":"summary"}\n')
    assert ids(work) == []


def test_a_log_with_a_huge_last_record(work):
    log = work.log(work.path)
    log.write_text(log.read_text() + '{"toolUseResult":"' + "x" * 1_000_000 + '"}\n')
    assert ids(work) == [SESSION]


def test_a_session_that_went_to_a_worktree_inside(work):
    log = work.log(work.path)
    log.write_text(log.read_text() + f'{{"cwd":"{work.path}/.claude/worktrees/one"}}\n')
    assert ids(work) == []


def test_a_session_in_the_directory_where_git_is_called(work):
    work.write("sub/dir/file", "1\n")
    work.log(work.path / "sub")
    git_in = work.path / "sub" / "dir"
    git(git_in, "add", "--all", **work.environment)
    git(git_in, "commit", "--quiet", "-m", "From below", **work.environment)
    assert work.ids() == [SESSION]
    assert ids(work) == []  # called at the top, the session below may be any


def test_each_worktree_has_its_own_session(work, tmp_path):
    linked = tmp_path / "linked one"
    work.git("worktree", "add", "--quiet", "-b", "linked", str(linked))
    work.log(work.path, OTHER)
    work.log(linked, SESSION)
    git(linked, "commit", "--quiet", "--allow-empty", "-m", "In the linked one", **work.environment)
    assert work.ids("linked") == [SESSION]
    assert ids(work) == [OTHER]
    shutil.rmtree(linked)
    assert ids(work) == [OTHER]


def test_a_submodule_has_its_own_session(work, tmp_path):
    inner = HookWork(tmp_path / "inner", tmp_path / "home")
    inner.commit("inside")
    work.git("submodule", "--quiet", "add", str(inner.path), "module")
    module = work.path / "module"
    install(module)
    work.log(module, SESSION)
    git(module, "commit", "--quiet", "--allow-empty", "-m", "In the module", **work.environment)
    assert work.ids() == []
    assert f"Claude-Session-Id: {SESSION}" in git(module, "log", "-1", "--format=%B")


@pytest.mark.parametrize(
    "name", ['it\'s "quoted"', "$(touch pwned)", "`touch pwned`; *", "back\\slash", "-n", "100%s", "tab\there [a-z]?"]
)
def test_hostile_names(tmp_path, name):
    work = hooked(tmp_path, name)
    work.log(work.path)
    assert ids(work) == ([] if "\t" in name else [SESSION])
    assert not list(tmp_path.rglob("pwned"))


def test_a_name_with_a_line_feed(tmp_path):
    """It has no safe form in a log: only the environment tells."""
    work = hooked(tmp_path, "two\nlines")
    work.log(work.path, cwd="lines")
    assert ids(work) == []
    assert ids(work, CLAUDE_CODE_SESSION_ID=SESSION) == [SESSION]


@pytest.mark.parametrize(("name", "encoded"), [("cafés", "caf-s"), ("日本", "--"), ("a😀b", "a--b"), ("x\u0301", "x-")])
def test_names_are_encoded_by_utf_16_units(tmp_path, name, encoded):
    work = hooked(tmp_path, name)
    log = work.log(work.path)
    right = work.log(tmp_path / "place", cwd=work.path)
    shutil.rmtree(log.parent)
    right.parent.rename(right.parent.with_name(right.parent.name.removesuffix("place") + encoded))
    assert ids(work) == [SESSION]


def test_long_names_are_cut(tmp_path):
    """Such a name ends with a hash; two may begin alike."""
    work = hooked(tmp_path, "a" * 120 + "/" + "b" * 120)
    name = re.sub(r"[^a-zA-Z0-9]", "-", str(work.path))[:200]
    work.log(Path("place"), cwd=work.path).parent.rename(work.home / ".claude" / "projects" / f"{name}-1x2y3z")
    work.log(Path("place"), OTHER, cwd=f"{work.path}c").parent.rename(
        work.home / ".claude" / "projects" / f"{name}-4x5y6z"
    )
    assert ids(work) == [SESSION]


def test_a_path_through_a_link(work, tmp_path):
    (tmp_path / "link").symlink_to(work.path)
    work.log(tmp_path / "link")
    git(tmp_path / "link", "commit", "--quiet", "--allow-empty", "-m", "x", **work.environment, PWD=f"{tmp_path}/link")
    assert work.ids() == [SESSION]


def test_logs_that_are_links_are_not_read(work):
    log = work.log(work.path)
    kept = log.rename(work.home / "kept.jsonl")
    log.symlink_to(kept)
    assert ids(work) == []
