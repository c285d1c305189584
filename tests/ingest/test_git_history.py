"""A repository becomes git-metadata.json: what is read, in which order, and what a second run does."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime

from ingest.redaction import Redactor
from tests.ingest.git_tools import SECRET, TOKEN, FakeRedactor, extract, files, git, hashes, without_reflog
from tests.ingest.make_repository import make_repository


def test_a_commit_has_every_key_in_order(work, output):
    work.write("a.txt", "first line\nsecond line\n")
    sha = work.commit("feat: begin\n\nWhy.\n\nKey: value\n")
    result, _ = extract(work, output)
    head, line, tail = without_reflog(output).decode().splitlines()
    assert (head, tail) == ('{"commits":[', "]}")
    assert line == json.dumps(
        {
            "sha": sha,
            "parents": [],
            "author_name": "Ada",
            "author_email": "ada@example.com",
            "authored_at": "2026-02-02T04:50:00+02:00",
            "committer_name": "Ada",
            "committer_email": "ada@example.com",
            "committed_at": "2026-02-02T04:50:00+02:00",
            "message": "feat: begin\n\nWhy.\n\nKey: value",
            "files": [
                {
                    "path": "a.txt",
                    "old_path": None,
                    "status": "added",
                    "insertions": 2,
                    "deletions": 0,
                    "added_line_hashes": hashes("first line", "second line"),
                    "removed_line_hashes": [],
                }
            ],
            "source_ref": "refs/heads/main",
            "is_reachable": True,
        },
        separators=(",", ":"),
    )
    assert (result.commits, result.new_commits, result.unreachable, result.redactions, result.problems) == (
        1,
        1,
        0,
        0,
        [],
    )


def test_what_can_happen_to_a_file(work, output):
    body = "".join(f"line number {n}\n" for n in range(20))
    work.write("moved.txt", body)
    work.write("changed.txt", "alpha line\nbeta line\n\n  }\n")
    work.write("gone.txt", "last words\n")
    work.write("script.sh", "echo hello\n")
    work.write("picture.bin", b"\0\1\2")
    work.write("same.bin", b"\0" + bytes(range(256)) * 4)
    work.write("link", "was a file\n")
    work.commit()
    work.remove("moved.txt")
    work.write("deep/er/moved.txt", body + "one line more\n")
    work.write("changed.txt", "alpha line\ngamma line\n\n  }\nno end of line")
    work.remove("gone.txt")
    (work.path / "script.sh").chmod(0o755)
    work.write("picture.bin", b"\0\1\3")
    (work.path / "same.bin").rename(work.path / "renamed.bin")
    work.remove("link")
    (work.path / "link").symlink_to("changed.txt")
    work.write("empty", "")
    sha = work.commit()
    found = files(extract(work, output)[1][sha])

    def seen(path):
        file = found[path]
        return (file["old_path"], file["status"], file["insertions"], file["deletions"]), (
            file["added_line_hashes"],
            file["removed_line_hashes"],
        )

    assert len(found) == 8
    assert seen("deep/er/moved.txt") == (("moved.txt", "renamed", 1, 0), (hashes("one line more"), []))
    assert seen("changed.txt") == (
        (None, "modified", 2, 1),
        (hashes("gamma line", "no end of line"), hashes("beta line")),
    )
    assert seen("gone.txt") == ((None, "deleted", 0, 1), ([], hashes("last words")))
    assert seen("script.sh") == ((None, "modified", 0, 0), ([], []))
    assert seen("picture.bin") == ((None, "modified", None, None), ([], []))
    assert seen("renamed.bin") == (("same.bin", "renamed", None, None), ([], []))
    assert seen("link") == ((None, "type_changed", 1, 1), (hashes("changed.txt"), hashes("was a file")))
    assert seen("empty") == ((None, "added", 0, 0), ([], []))


def test_a_submodule_is_counted_but_has_no_lines(work, output):
    work.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    work.git("commit", "--quiet", "--message=add")
    sha = work.git("rev-parse", "HEAD")
    file = files(extract(work, output)[1][sha])["vendor/lib"]
    assert (file["status"], file["insertions"], file["added_line_hashes"]) == ("added", 1, [])


def test_content_that_looks_like_a_patch_is_content(work, output):
    before = [
        "diff --git a/x b/x",
        "-- a/x",
        "++ b/x",
        "@@ -1,9 +1,9 @@",
        "#" + "0" * 32,
        "\\ No newline at end of file",
    ]
    work.write("a.patch", "\n".join(before))
    work.write("b.txt", "a quiet file\n")
    work.commit()
    after = [f"- {line}" for line in before] + ["diff --git a/b.txt b/b.txt", "Binary files a/x and b/x differ"]
    work.write("a.patch", "\n".join(after) + "\n")
    work.write("b.txt", "a quiet file\nand a new line\n")
    sha = work.commit()
    result, commits = extract(work, output)
    found = files(commits[sha])
    assert found["a.patch"]["added_line_hashes"] == hashes(*after)
    assert found["a.patch"]["removed_line_hashes"] == hashes(*before)
    assert found["b.txt"]["added_line_hashes"] == hashes("and a new line")
    assert result.problems == []


def test_lines_are_cut_at_newlines_only_and_may_be_long(work, output):
    long = "x" * 3_000_000
    lines = ["windows line\r", "page\x0cbreak", "old\rmac", "line\u2028separator", long, "caf\xe9 in latin-1"]
    work.write("a.txt", "\n".join(lines[:5]).encode() + b"\n" + lines[5].encode("latin-1"))
    sha = work.commit()
    file = files(extract(work, output)[1][sha])["a.txt"]
    assert file["insertions"] == 6
    assert file["added_line_hashes"] == hashes(*lines[:5], "caf\ufffd in latin-1")


def test_at_most_5000_fingerprints_per_side(work, output):
    work.write("a.txt", "".join(f"line {n}\n}}\n" for n in range(6_000)))
    sha = work.commit()
    file = files(extract(work, output)[1][sha])["a.txt"]
    assert file["insertions"] == 12_000
    assert file["added_line_hashes"] == hashes(*(f"line {n}" for n in range(5_000)))


def test_counts_are_those_of_git(tmp_path, output):
    repository = make_repository(tmp_path / "made", 120, seed=5)
    result, commits = extract(repository, output)
    listed = git(repository, "log", "--all", "--numstat", "-M", "--format=%H", "--diff-merges=first-parent")
    expected, sha = {}, ""
    for line in filter(None, listed.splitlines()):
        parts = line.split("\t")
        if len(parts) == 1:
            sha = line
            expected[sha] = []
        else:
            expected[sha].append((parts[2], int(parts[0]), int(parts[1])))
    seen = {s: [(f["path"], f["insertions"], f["deletions"]) for f in c["files"]] for s, c in commits.items()}
    assert seen == expected
    assert (result.commits, result.problems) == (120, [])


def test_a_merge_is_compared_with_its_first_parent_without_fingerprints(work, output):
    work.write("a.txt", "on main\n")
    work.commit()
    work.git("switch", "--quiet", "--create", "side")
    work.write("b.txt", "on the side\n")
    work.commit()
    work.git("switch", "--quiet", "main")
    work.write("c.txt", "on main again\n")
    work.commit()
    work.git("merge", "--quiet", "--no-ff", "--message=merge", "side")
    merge = extract(work, output)[1][work.git("rev-parse", "HEAD")]
    assert len(merge["parents"]) == 2
    assert merge["files"] == [
        {
            "path": "b.txt",
            "old_path": None,
            "status": "added",
            "insertions": 1,
            "deletions": 0,
            "added_line_hashes": None,
            "removed_line_hashes": None,
        }
    ]


def test_neither_settings_nor_attributes_nor_the_checkout_change_the_result(work, output, tmp_path, monkeypatch):
    work.write(".gitattributes", "*.txt -diff\n*.py diff=python\n")
    work.write("a.txt", "alpha line\n\nbeta line\n")
    work.write("ä b.py", "def f():\n    return 1\n")
    work.commit()
    work.write("a.txt", "gamma line\n\ndelta line\n")
    (work.path / "ä b.py").rename(work.path / "c.py")
    work.commit()
    clean = tmp_path / "clean.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(work.path), str(clean))
    extract(clean, output)
    expected = output.read_bytes()
    settings = {
        "core.quotePath": "true",
        "core.attributesFile": str(work.path / ".gitattributes"),
        "color.ui": "always",
        "color.diff": "always",
        "diff.algorithm": "patience",
        "diff.context": "9",
        "diff.external": "false",
        "diff.interHunkContext": "9",
        "diff.mnemonicPrefix": "true",
        "diff.noprefix": "true",
        "diff.orderFile": str(work.path / ".gitattributes"),
        "diff.relative": "true",
        "diff.renames": "false",
        "diff.python.textconv": "false",
        "diff.submodule": "log",
        "diff.suppressBlankEmpty": "true",
        "diff.wordRegex": ".",
        "i18n.logOutputEncoding": "UTF-16",
        "log.showSignature": "true",
        "log.date": "relative",
    }
    for key, value in settings.items():
        work.git("config", key, value)
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=9")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    other = output.with_name("other") / output.name
    extract(work, other)
    assert without_reflog(other) == expected


def test_the_same_from_a_path_inside_a_worktree_and_a_bare_clone(work, output, tmp_path):
    work.write("src/a.txt", "some text\n")
    work.commit()
    git(work.path, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"))
    git(tmp_path, "clone", "--quiet", "--mirror", str(work.path), str(tmp_path / "bare"))
    seen = set()
    for number, path in enumerate([work.path, work.path / "src", tmp_path / "tree", tmp_path / "bare"]):
        target = output.with_name(f"{number}.json")
        extract(path, target)
        seen.add(without_reflog(target))
    assert len(seen) == 1


def test_a_repository_without_commits(work, output):
    result, commits = extract(work, output)
    assert (result.commits, commits, result.problems) == (0, {}, [])
    assert extract(work, output)[0].commits == 0


def test_which_refs_count_and_which_comes_first(work, output):
    first = work.commit("on main")
    work.git("switch", "--quiet", "--create", "a-branch")
    branch = work.commit("on a branch")
    work.git("tag", "--annotate", "--message=a tag", "v1")
    work.git("switch", "--quiet", "--detach")
    tagged = work.commit("only on a tag")
    work.git("tag", "--annotate", "--message=a tag", "v2")
    detached = work.commit("only on a detached head")
    work.git("tag", "of-a-file", work.git("hash-object", "-w", "--stdin", data=b"no commit"))
    work.git("update-ref", "refs/remotes/origin/main", first)
    work.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    work.write("b.txt", "stashed\n")
    work.git("add", "b.txt")
    work.git("stash", "--quiet")
    work.git("notes", "add", "--message=a note", first)
    result, commits = extract(work, output)
    assert {sha: commit["source_ref"] for sha, commit in commits.items()} == {
        first: "refs/heads/main",
        branch: "refs/heads/a-branch",
        tagged: "refs/tags/v2",
        detached: "HEAD",
    }
    assert result.problems == []


def test_sorted_by_the_instant_then_by_hash(work, output):
    for when in ("1770000000 +1400", "1770000000 -1100", "1760000000 -1100", "1780000000 +1400"):
        work.commit(f"at {when}", GIT_COMMITTER_DATE=when)
    extract(work, output)
    commits = json.loads(output.read_bytes())["commits"]
    keys = [(datetime.fromisoformat(commit["committed_at"]).timestamp(), commit["sha"]) for commit in commits]
    assert keys == sorted(keys)
    assert commits[0]["committed_at"].endswith("-11:00")


def test_secrets_never_reach_the_file(work, output):
    work.write("a.txt", f"harmless line\npassword = {SECRET}\n")
    work.write(f"{SECRET}.txt", "text in it\n")
    sha = work.commit(f"use {SECRET}\n\nReally.", GIT_AUTHOR_NAME=f"Ada {SECRET}")
    result, commits = extract(work, output)
    for path in output.parent.iterdir():
        assert SECRET not in path.read_text()
    commit = commits[sha]
    assert (commit["message"], commit["author_name"]) == (f"use {TOKEN}\n\nReally.", f"Ada {TOKEN}")
    assert files(commit)["a.txt"]["added_line_hashes"] == hashes("harmless line")
    assert files(commit)["a.txt"]["insertions"] == 2
    assert result.redactions == 4


def test_new_rules_read_everything_again_also_what_vanished(work, output):
    kept = work.commit("kept")
    work.write("a.txt", f"x = {SECRET}\n")
    lost = work.commit(f"about {SECRET}")
    extract(work, output, FakeRedactor("nothing", "zero"))
    assert SECRET in output.read_text()
    work.git("reset", "--quiet", "--hard", kept)
    extract(work, output, FakeRedactor("nothing", "zero"))
    work.git("reflog", "expire", "--expire=now", "--all")
    commits = extract(work, output)[1]
    assert commits[lost]["message"] == f"about {TOKEN}"
    assert files(commits[lost])["a.txt"]["added_line_hashes"] == []
    # And when the objects are gone, what is in the file is all there is.
    work.git("gc", "--quiet", "--prune=now")
    commits = extract(work, output, FakeRedactor("about", "two"))[1]
    assert (commits[lost]["message"], commits[lost]["is_reachable"]) == (f"{TOKEN} {TOKEN}", False)


def test_the_real_redactor_keeps_a_key_block_out(work, output):
    body = ["MIIEow" + "Ab3" * 18 for _ in range(6)]
    marker = "-----{} RSA PRIVATE " + "KEY-----"
    lines = ["first line", marker.format("BEGIN"), *body, marker.format("END"), "last line"]
    work.write("a.pem", "\n".join(lines) + "\n")
    sha = work.commit("add " + "AKIA" + "Q3WZ7NB5XK2VTR4J")
    result, commits = extract(work, output, Redactor.load(b"k" * 32))
    assert files(commits[sha])["a.pem"]["added_line_hashes"] == hashes("first line", "last line")
    assert "[REDACTED:" in commits[sha]["message"]
    assert result.redactions == 9


def test_nothing_is_written_to_the_repository(work, output):
    work.write("a.txt", "text\n")
    work.commit()
    work.git("gc", "--quiet")
    state = subprocess.run(["find", str(work.path), "-printf", "%p %s %T@\n"], capture_output=True).stdout
    extract(work, output)
    assert subprocess.run(["find", str(work.path), "-printf", "%p %s %T@\n"], capture_output=True).stdout == state
