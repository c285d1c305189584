"""The same history on another night: only what is new is read, nothing is lost, and no run leaves half a file."""

from __future__ import annotations

import importlib
from datetime import date

import pytest

from ingest.errors import IngestError
from ingest.git_history import extract_history
from tests.ingest.git_tools import FakeRedactor, extract, files, git, hashes
from tests.ingest.make_repository import make_repository


def test_a_second_run_reads_only_what_is_new(work, output, monkeypatch):
    work.write("a.txt", "one line\n")
    old = work.commit("first")
    extract(work, output)
    before, lines = output.stat().st_mtime_ns, output.read_bytes().splitlines()
    result, _ = extract(work, output)
    assert (result.commits, result.new_commits) == (1, 0)
    assert output.stat().st_mtime_ns == before
    new = work.commit("second")
    read = []
    monkeypatch.setattr("ingest.git_history.read_objects", spy(read, "ingest.git_stream"))
    result, commits = extract(work, output)
    assert (read, result.new_commits, set(commits)) == ([[new]], 1, {old, new})
    assert lines[1] in output.read_bytes()


def spy(calls, module):
    real = importlib.import_module(module).read_objects

    def read_objects(repository, names):
        calls.append(list(names))
        return real(repository, names)

    return read_objects


def test_any_split_into_nights_gives_the_same_file(tmp_path, output):
    whole = make_repository(tmp_path / "whole", 40, seed=3)
    order = git(whole, "rev-list", "--reverse", "--topo-order", "main").split()
    extract(whole, output)
    nightly = output.with_name("nightly.json")
    growing = tmp_path / "growing"
    git(tmp_path, "clone", "--quiet", "--bare", str(whole), str(growing))
    for end in (4, 5, 23, len(order)):
        git(growing, "update-ref", "refs/heads/main", order[end - 1])
        git(
            growing, "update-ref", "refs/heads/side", git(whole, "rev-parse", "side") if end == len(order) else order[0]
        )
        extract(growing, nightly)
    assert nightly.read_bytes() == output.read_bytes()


def test_a_commit_that_vanished_stays_and_comes_back(work, output):
    work.write("a.txt", "kept\n")
    kept = work.commit("kept")
    work.write("a.txt", "pushed away\n")
    lost = work.commit("pushed away")
    extract(work, output)
    work.git("reset", "--quiet", "--hard", kept)
    result, commits = extract(work, output)
    assert (result.unreachable, commits[lost]["is_reachable"], commits[kept]["is_reachable"]) == (1, False, True)
    assert commits[lost]["source_ref"] == "refs/heads/main"
    assert files(commits[lost])["a.txt"]["added_line_hashes"] == hashes("pushed away")
    work.git("update-ref", "refs/heads/found", lost)
    result, commits = extract(work, output)
    assert (result.unreachable, commits[lost]["is_reachable"], commits[lost]["source_ref"]) == (
        0,
        True,
        "refs/heads/found",
    )


def test_since_leaves_out_older_new_commits_only(work, output):
    old = work.commit("old", GIT_COMMITTER_DATE="2026-01-01T00:00:00Z")
    late = work.commit("late", GIT_COMMITTER_DATE="2026-03-01T00:00:00Z")
    assert set(extract(work, output, since=date(2026, 2, 1))[1]) == {late}
    assert set(extract(work, output)[1]) == {old, late}
    assert set(extract(work, output, since=date(2026, 2, 1))[1]) == {old, late}


def test_no_repository_is_one_sentence_and_costs_nothing(work, output, tmp_path):
    work.commit()
    extract(work, output)
    before = output.read_bytes()
    work.path.rename(tmp_path / "moved")
    with pytest.raises(IngestError, match=r"No git repository at") as caught:
        extract_history(work.path, output, FakeRedactor())
    assert "\n" not in str(caught.value)
    assert output.read_bytes() == before


def test_a_killed_run_leaves_the_old_file_and_no_litter(work, output, monkeypatch):
    work.commit("first")
    extract(work, output)
    before = output.read_bytes()
    work.commit("second")
    with monkeypatch.context() as patch:
        patch.setattr("ingest.git_store.os.fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            extract(work, output)
    assert output.read_bytes() == before
    assert sorted(path.name for path in output.parent.iterdir()) == ["git-metadata.json", "git-state.json"]
    assert extract(work, output)[0].new_commits == 1


def test_a_changed_or_broken_output_is_read_again(work, output):
    sha = work.commit("first")
    extract(work, output)
    whole = output.read_bytes()
    output.write_bytes(whole.replace(b'{"sha"', b'{"sha'))
    result, commits = extract(work, output)
    assert (output.read_bytes(), set(commits)) == (whole, {sha})
    assert [(problem.reason, problem.line_number) for problem in result.problems] == [("malformed commit", 2)]


def test_progress_ends_at_the_whole(work, output):
    for number in range(3):
        work.commit(f"number {number}")
    calls = []
    extract(work, output, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (3, 3)


def test_problems_outlive_a_run_that_was_killed_after_it(work, output, monkeypatch):
    work.write(b"caf\xe9.txt", "text\n")
    work.commit()
    with monkeypatch.context() as patch:
        patch.setattr("ingest.git_history.write_state", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            extract(work, output)
    for _ in range(2):
        assert [problem.reason for problem in extract(work, output)[0].problems] == ["undecodable path"]
