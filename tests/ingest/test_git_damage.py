"""Histories with holes, and commits that are odd: a row that says so, and everything else as if nothing were wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.fingerprint import line_fingerprint
from ingest.git_history import extract_history
from tests.ingest.git_tools import FIRST_SECOND, FakeRedactor, Work, extract, files, git
from tests.ingest.make_repository import make_repository

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path / "work")


def loose(work, name) -> Path:
    return work.path / ".git/objects" / name[:2] / name[2:]


def reasons(result):
    return sorted(problem.reason for problem in result.problems)


def history(work):
    """Five commits, each with a line of its own."""
    shas = []
    for number in range(5):
        work.write("a.txt", f"line number {number}\n")
        shas.append(work.commit(f"number {number}"))
    return shas


@pytest.mark.parametrize("how", ["missing", "broken"])
def test_a_missing_blob_costs_its_commits_only(work, output, tmp_path, how):
    shas = history(work)
    blob = loose(work, work.git("rev-parse", f"{shas[1]}:a.txt"))
    kept = shutil.copy(blob, tmp_path / "kept")
    blob.chmod(0o644)
    if how == "missing":
        blob.unlink()
    else:
        blob.write_bytes(b"not zlib")
    result, commits = extract(work, output)
    assert reasons(result) == ["missing content"] * 2
    assert {problem.path for problem in result.problems} == {shas[1], shas[2]}
    for sha in (shas[1], shas[2]):
        file = files(commits[sha])["a.txt"]
        assert (file["status"], file["insertions"], file["added_line_hashes"]) == ("modified", None, None)
    for number in (0, 3, 4):
        assert files(commits[shas[number]])["a.txt"]["added_line_hashes"] == [line_fingerprint(f"line number {number}")]
    # It stays true as long as it is, also in runs that do nothing and in runs that read something else.
    assert reasons(extract(work, output)[0]) == ["missing content"] * 2
    work.commit("another")
    assert reasons(extract(work, output)[0]) == ["missing content"] * 2
    shutil.copy(kept, blob)
    work.commit("after the repair")
    result, commits = extract(work, output)
    assert (result.problems, result.new_commits) == ([], 1)
    assert files(commits[shas[1]])["a.txt"]["insertions"] == 1


def test_content_that_is_lost_later_stays_in_the_file(work, output):
    shas = history(work)
    before = extract(work, output, FakeRedactor(rules_version="one"))[1]
    loose(work, work.git("rev-parse", f"{shas[1]}:a.txt")).unlink()
    result, commits = extract(work, output, FakeRedactor(rules_version="two"))
    assert commits == before
    assert reasons(result) == ["missing content"] * 2


def test_a_missing_tree_and_a_missing_commit(work, output):
    shas = history(work)
    loose(work, work.git("rev-parse", f"{shas[3]}^{{tree}}")).unlink()
    loose(work, shas[1]).unlink()
    result, commits = extract(work, output)
    # the reflog still knows what is behind the hole
    assert {sha: commit["is_reachable"] for sha, commit in commits.items()} == {
        shas[0]: False,
        shas[2]: True,
        shas[3]: True,
        shas[4]: True,
    }
    assert (commits[shas[2]]["is_boundary"], commits[shas[2]]["files"]) == (True, [])
    assert commits[shas[2]]["parents"] == [shas[1]]
    assert reasons(result) == ["missing commit", "missing content", "missing content"]


def test_a_ref_that_points_nowhere(work, output):
    shas = history(work)
    refs = work.path / ".git/refs/heads"
    (refs / "gone").write_text("1" * 40 + "\n")
    (refs / "broken").write_text("not a hash\n")
    result, commits = extract(work, output)
    assert set(commits) == set(shas)
    assert reasons(result) == ["missing commit", "unusable ref"]


def test_a_partial_clone_is_read_without_fetching(tmp_path, output):
    whole = make_repository(tmp_path / "whole", 90, seed=2)
    git(whole, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", whole.as_uri(), str(partial))
    result, commits = extract(partial, output)
    assert len(commits) == 90
    assert set(reasons(result)) == {"missing content"}
    assert {problem.path for problem in result.problems} == {sha for sha, one in commits.items() if one["files"]}
    assert len(result.problems) > 80
    assert all(file["insertions"] is None for commit in commits.values() for file in commit["files"])


def test_a_shallow_clone_is_cut_and_grows(work, output, tmp_path):
    shas = history(work)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=2", work.path.as_uri(), str(clone))
    result, commits = extract(clone, output)
    assert set(commits) == set(shas[3:])
    cut = commits[shas[3]]
    assert (cut["is_boundary"], cut["files"], cut["parents"]) == (True, [], [shas[2]])
    assert "is_boundary" not in commits[shas[4]]
    assert result.problems == []
    git(clone, "fetch", "--quiet", "--unshallow")
    result, commits = extract(clone, output)
    assert set(commits) == set(shas)
    assert "is_boundary" not in commits[shas[3]]
    assert files(commits[shas[3]])["a.txt"]["insertions"] == 1


def raw(work, *, author=b"", committer=b"", headers=b"", message=b"message\n"):
    person = f"Ada <ada@example.com> {FIRST_SECOND} +0000".encode()
    content = b"tree " + EMPTY_TREE.encode() + b"\nauthor " + (author or person)
    return work.raw_commit(content + b"\ncommitter " + (committer or person) + b"\n" + headers + b"\n" + message)


def test_odd_commits(work, output):
    work.commit()
    names = {
        "latin": raw(work, headers=b"encoding ISO-8859-1\n", message="für Ägypten".encode("latin-1")),
        "sjis": raw(work, headers=b"encoding Shift_JIS\n", message="日本".encode("shift_jis")),
        "unknown": raw(work, headers=b"encoding klingon\n", message="für".encode()),
        "bytes": raw(work, message=b"caf\xe9 \0 end"),
        "signed": raw(work, headers=b"gpgsig -----BEGIN\n \n author nobody\n -----END\n", message=b"signed"),
        "name": raw(work, author=b"<> 1770000000 +0000"),
        "angle": raw(work, author=b"A <b> <c@d> 1770000000 +0530"),
        "no_time": raw(work, author=b"Ada <a@b>", committer=b"Ada <a@b> soon"),
        "far": raw(work, author=b"Ada <a@b> 99999999999999 +0000"),
        "before": raw(work, author=b"Ada <a@b> -86400 -0330"),
        "zone": raw(work, author=b"Ada <a@b> 1770000000 +9959"),
        "empty": raw(work, message=b""),
    }
    result, commits = extract(work, output)
    seen = {name: commits[sha] for name, sha in names.items()}
    assert seen["latin"]["message"] == "für Ägypten"
    assert seen["sjis"]["message"] == "日本"
    assert seen["unknown"]["message"] == "für"
    assert seen["bytes"]["message"] == "caf\ufffd \ufffd end"
    assert (seen["signed"]["message"], seen["signed"]["author_name"]) == ("signed", "Ada")
    assert (seen["name"]["author_name"], seen["name"]["author_email"]) == ("", "")
    assert (seen["angle"]["author_name"], seen["angle"]["author_email"]) == ("A", "b")
    assert seen["angle"]["authored_at"].endswith("+05:30")
    assert (seen["no_time"]["authored_at"], seen["no_time"]["committed_at"]) == (None, None)
    assert seen["far"]["authored_at"] is None
    assert seen["before"]["authored_at"] == "1969-12-30T20:30:00-03:30"
    assert seen["zone"]["authored_at"].endswith("+00:00")
    assert seen["empty"]["message"] == ""
    assert next(iter(commits)) == names["no_time"]
    assert reasons(result) == [
        "time out of range",
        "undecodable text",
        "unknown encoding",
        "unreadable time",
        "unreadable time",
        "unreadable time zone",
    ]


def test_paths_that_are_odd(work, output):
    names = [
        b"caf\xe9.txt",
        b"two\nlines.txt",
        b'quo"te\\.txt',
        "ünïcode.txt".encode(),
        b" blank ",
        b"-rf",
        b"tab\t.txt",
    ]
    for name in names:
        work.write(name, b"content of " + name.replace(b"\n", b" "))
    sha = work.commit()
    result, commits = extract(work, output)
    assert set(files(commits[sha])) == {name.decode("utf-8", "replace") for name in names}
    assert all(file["insertions"] == 1 and file["added_line_hashes"] for file in commits[sha]["files"])
    assert [(p.reason, p.path) for p in result.problems] == [("undecodable path", f"{sha}:caf\ufffd.txt")]


def test_a_directory_that_is_no_repository(tmp_path, output):
    (tmp_path / "plain").mkdir()
    for path in (tmp_path / "plain", tmp_path / "nowhere"):
        with pytest.raises(IngestError):
            extract_history(path, output, FakeRedactor())
    assert not output.parent.exists()
