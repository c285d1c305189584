"""What a repository was before: amended, rebased, squashed, picked and reset commits are read while git has them."""

from __future__ import annotations

import json

import pytest

from ingest import git_reflog
from ingest.git_history import import_history
from ingest.landing_rows import LINE_STEP
from ingest.paths import DataDir
from tests.ingest.git_tools import SECRET, TOKEN, FakeRedactor, extract, git
from tests.ingest.landing_place import ask, commit, run, write_history


def moves(output, ref="HEAD"):
    """(action, previous commit, commit) of the moves of one ref, oldest first."""
    reflog = json.loads(output.read_bytes()).get("reflog", [])
    return [(e["action"], e["previous_sha"], e["commit_sha"]) for e in reflog if e["ref"] == ref]


def change(work, name, message):
    work.write(name, f"{message} in words of its own\n")
    return work.commit(message)


def unreachable(commits):
    return {sha for sha, one in commits.items() if not one["is_reachable"]}


def test_an_amended_commit_is_kept_with_its_lines(work, output):
    first = change(work, "a.txt", "first")
    lost = change(work, "b.txt", "secnod")
    work.git("commit", "--quiet", "--amend", "--message=second")
    new = work.git("rev-parse", "HEAD")
    result, commits = extract(work, output)
    assert set(commits) == {first, lost, new}
    assert (unreachable(commits), result.unreachable) == ({lost}, 1)
    assert commits[lost]["parents"] == [first]
    assert commits[lost]["authored_at"] == commits[new]["authored_at"]
    assert commits[lost]["files"] == commits[new]["files"]
    assert "source_ref" not in commits[lost]
    assert moves(output) == [("commit (initial)", None, first), ("commit", first, lost), ("commit (amend)", lost, new)]
    assert moves(output, "refs/heads/main") == moves(output)


def test_rebased_squashed_picked_and_reset_commits_are_kept(work, output):
    change(work, "a.txt", "root")
    work.git("checkout", "--quiet", "-b", "side")
    one, two = change(work, "b.txt", "one"), change(work, "c.txt", "two")
    work.git("checkout", "--quiet", "main")
    base = change(work, "d.txt", "base")
    work.git("checkout", "--quiet", "side")
    work.git("rebase", "--quiet", "main")
    rebased = work.git("rev-list", "--reverse", "main..side").split()
    work.git("checkout", "--quiet", "main")
    work.git("cherry-pick", rebased[0])
    picked = work.git("rev-parse", "HEAD")
    work.git("reset", "--quiet", "--hard", base)
    work.git("merge", "--quiet", "--squash", "side")
    squash = work.commit("both (#1)")
    _, commits = extract(work, output)
    assert unreachable(commits) == {one, two, picked} - set(rebased)
    assert commits[squash]["is_reachable"]
    actions = {action for action, _, _ in moves(output)}
    assert {"checkout", "cherry-pick", "reset", "commit"} <= actions
    assert any(action.startswith("rebase") for action in actions)


def test_a_deleted_branch_and_another_worktree(work, output, tmp_path):
    change(work, "a.txt", "root")
    work.git("checkout", "--quiet", "-b", "gone")
    lost = change(work, "b.txt", "lost")
    work.git("checkout", "--quiet", "main")
    git(work.path, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    (tmp_path / "tree/c.txt").write_text("other words\n")
    git(tmp_path / "tree", "add", "--all")
    git(tmp_path / "tree", "commit", "--quiet", "--message=there")
    there = git(tmp_path / "tree", "rev-parse", "HEAD")
    git(tmp_path / "tree", "reset", "--quiet", "--hard", "main")
    extract(work, output)
    assert moves(output, "refs/heads/gone")
    work.git("branch", "--quiet", "-D", "gone")
    _, commits = extract(work, output)
    assert unreachable(commits) == {lost, there}
    # git forgot the log of the branch, the file did not
    assert [sha for _, _, sha in moves(output, "refs/heads/gone")][-1] == lost
    assert there in [sha for _, _, sha in moves(output, "worktrees/tree/HEAD")]


def test_the_stash_is_no_history(work, output):
    change(work, "a.txt", "root")
    work.write("a.txt", "not done yet\n")
    work.git("stash", "--quiet")
    _, commits = extract(work, output)
    assert len(commits) == 1
    assert {move["ref"] for move in json.loads(output.read_bytes())["reflog"]} == {"HEAD", "refs/heads/main"}


def test_only_the_newest_of_many_and_nothing_that_is_no_entry(work, output, monkeypatch):
    shas = [change(work, "a.txt", f"step {number}") for number in range(4)]
    with (work.path / ".git/logs/HEAD").open("ab") as log:
        log.write(b"broken\n" + b"0" * 40 + b" " + b"1" * 40 + b" A <a@example.org> 99999999999999 +0000\tx\n")
        log.write(f"{shas[3]} {shas[2]} A <a@example.org> 1770009999 +9999\treset: \xff {SECRET}\n".encode("latin-1"))
    (work.path / ".git/logs/refs/heads/link").symlink_to(work.path / ".git/logs/HEAD")
    monkeypatch.setattr(git_reflog, "MAXIMUM_ENTRIES", 3)
    _, commits = extract(work, output)
    assert set(commits) == set(shas)
    reflog = json.loads(output.read_bytes())["reflog"]
    assert len(reflog) == 3
    assert SECRET not in output.read_text()


def test_messages_are_redacted(work, output):
    sha = change(work, "a.txt", f"use {SECRET}")
    extract(work, output)
    assert [entry["message"] for entry in json.loads(output.read_bytes())["reflog"]] == [
        f"commit (initial): use {TOKEN}"
    ] * 2
    assert moves(output) == [("commit (initial)", None, sha)]


def test_an_unchanged_repository_gives_an_unchanged_file(work, output):
    change(work, "a.txt", "root")
    change(work, "b.txt", "second")
    work.git("commit", "--quiet", "--amend", "--message=better")
    extract(work, output)
    before = output.stat()
    result, _ = extract(work, output)
    assert (result.new_commits, output.stat().st_mtime_ns) == (0, before.st_mtime_ns)
    change(work, "c.txt", "third")
    result, commits = extract(work, output)
    assert (result.new_commits, len(commits)) == (1, 4)


def test_the_reflog_is_imported_with_the_commits(work, output, tmp_path):
    change(work, "a.txt", "root")
    work.git("commit", "--quiet", "--amend", f"--message={SECRET}")
    extract(work, tmp_path / "elsewhere/git-metadata.json")
    source = tmp_path / "elsewhere/git-metadata.json"
    broken = source.read_bytes().replace(b"\n]}\n", b',\n{"ref":1},\n{"ref":"HEAD","commit_sha":"x"}\n]}\n')
    source.write_bytes(broken)
    result = import_history(source, output, FakeRedactor())
    assert result.problems == []
    assert [action for action, _, _ in moves(output)] == ["commit (initial)", "commit (amend)"]
    again = import_history(source, output, FakeRedactor())
    assert again.commits == 2


@pytest.mark.parametrize("is_empty", [False, True])
def test_the_reflog_is_landed(data: DataDir, is_empty) -> None:
    write_history(data, [] if is_empty else [commit("a1")])
    path = data.git_metadata("one")
    entry = {"ref": "HEAD", "entry_index": 1, "commit_sha": "a1" * 20, "previous_sha": None, "action": "commit"}
    lines = [json.dumps(entry), '{"ref":"HEAD"}', json.dumps(entry | {"entry_index": 2, "message": "commit: x"})]
    text = path.read_text().rstrip().removesuffix("]}") + '],"reflog":[\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text)
    run(data)
    assert ask(data, "select ref, entry_index, previous_sha, action, message from raw.reflog order by 2") == [
        ("HEAD", 1, None, "commit", None),
        ("HEAD", 2, None, "commit", "commit: x"),
    ]
    assert ask(data, f"select reason from raw.parse_errors where step = '{LINE_STEP}'") == [("malformed reflog entry",)]
    write_history(data, [commit("a1")])
    run(data, "run-2")
    assert ask(data, "select count(*) from raw.reflog") == [(0,)]
