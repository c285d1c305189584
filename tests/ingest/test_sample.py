"""The bundled sample on disk: its git history, and that every run on every machine writes the same bytes.

The numbers in `sample_expected.json` were counted by hand; `test_sample_numbers.py` checks those of the sessions.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.sample import SamplePaths, planted_secrets, write_sample
from ingest.sample.__main__ import main
from ingest.sample.transcript import Call, Result, Transcript, Usage
from ingest.sample.world import utc

EXPECTED = json.loads((Path(__file__).parent / "sample_expected.json").read_text(encoding="utf-8"))
IDS = EXPECTED["sessions"]["ids"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> SamplePaths:
    return write_sample(tmp_path_factory.mktemp("sample"))


def git(paths: SamplePaths, *arguments: str) -> str:
    command = ["git", "-C", str(paths.repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_git_history(paths: SamplePaths) -> None:
    expected = EXPECTED["git"]
    log = [line.split("\t") for line in git(paths, "log", "--all", "--format=%H%x09%P%x09%an%x09%s").splitlines()]
    assert len(log) == expected["commits"]
    assert sum(" " in parents for _, parents, _, _ in log) == expected["merges"]
    assert sum(author.endswith("[bot]") for _, _, author, _ in log) == expected["bot_commits"]
    assert {subject for _, _, _, subject in log} == {*expected["in_sessions"], *expected["outside"]}
    numbers = [
        line.split("\t") for line in git(paths, "log", "--all", "-M", "--format=", "--numstat").splitlines() if line
    ]
    assert len(numbers) == expected["commit_files"]
    assert sum(int(added) for added, _, _ in numbers if added != "-") == expected["insertions"]
    assert sum(int(removed) for _, removed, _ in numbers if removed != "-") == expected["deletions"]
    assert sum(added == "-" for added, _, _ in numbers) == expected["binary_files"]
    assert sum("=>" in path for _, _, path in numbers) == expected["renames"]
    assert git(paths, "rev-parse", "HEAD").strip() == expected["head"]
    subjects = Counter(subject for _, _, _, subject in log)
    assert {subject: count for subject, count in subjects.items() if count > 1} == expected["copies"]


def test_a_worktree_that_is_gone_is_still_known(paths: SamplePaths) -> None:
    listed = git(paths, "worktree", "list", "--porcelain").splitlines()
    assert [line.split()[1] for line in listed if line.startswith("worktree ")] == [
        str(paths.repository),
        "/home/sam/code/tidebook-storm",
    ]
    assert [path.name for path in paths.directory.iterdir() if path.is_dir()].count("tidebook-storm") == 0


def test_a_rebased_commit_keeps_its_author_and_the_time_of_writing(paths: SamplePaths) -> None:
    log = git(paths, "log", "--all", "--format=%s%x09%an%x09%aI%x09%cI%x09%H", "--grep=pressure").splitlines()
    copy, original = (line.split("\t") for line in log)
    assert copy[:3] == original[:3] and copy[3] > original[3]
    containing = git(paths, "branch", "--all", "--contains", original[4], "--format=%(refname)").split()
    assert containing == ["refs/remotes/origin/feature/storm"]


def test_a_squashed_branch_is_no_parent(paths: SamplePaths) -> None:
    [squashed] = EXPECTED["git"]["squashed"]
    [line] = git(paths, "log", "--all", "--format=%H %P", "--fixed-strings", f"--grep={squashed}").splitlines()
    sha, parent = line.split()
    assert git(paths, "rev-parse", "origin/feature/chart^{tree}") == git(paths, "rev-parse", f"{sha}^{{tree}}")
    assert git(paths, "merge-base", "origin/feature/chart", sha).strip() == parent


def test_the_session_trailer_has_blank_lines_after_it(paths: SamplePaths) -> None:
    feet = IDS["feet"]
    message = git(paths, "log", "--all", "--format=%B", f"--grep={feet}")
    assert f"\n\nX-Claude-Session: {feet}\n\n\nCo-Authored-By: " in message
    assert "X-Claude-Session" not in git(paths, "log", "--all", "--format=%(trailers)", f"--grep={feet}")


def test_the_program_of_the_sample_works(paths: SamplePaths) -> None:
    command = [sys.executable, "-B", "-m", "tidebook.cli", "next", "--at", "2026-01-07T06:00", "--units", "ft"]
    done = subprocess.run(command, cwd=paths.repository, capture_output=True, text=True, check=True)
    assert done.stdout == "2026-01-07 10:52  high  13.48 ft\n"


def test_the_tests_of_the_sample_pass_as_its_last_session_says(paths: SamplePaths) -> None:
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(paths.repository)]
    done = subprocess.run([*command, "tests"], cwd=paths.repository, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("16 passed")


def test_secrets_stand_where_they_were_planted_and_not_in_the_source(paths: SamplePaths) -> None:
    keys = {session_id: key for key, session_id in IDS.items()}
    access_key, token = planted_secrets()
    assert len({access_key, token}) == EXPECTED["secrets"]["planted"]
    found: dict[str, dict[str, list[int]]] = {"transcript_lines": {}, "sidecar_lines": {}}
    for path in paths.projects.rglob("*.*"):
        for number, line in enumerate(path.read_bytes().splitlines() if path.is_file() else [], 1):
            if access_key.encode() in line or token.encode() in line:
                kind = "transcript_lines" if path.suffix == ".jsonl" else "sidecar_lines"
                found[kind].setdefault(keys.get(path.stem, path.name), []).append(number)
    assert found == {kind: EXPECTED["secrets"][kind] for kind in found}
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(write_sample.__code__.co_filename).parent.glob("*.py")
    )
    assert access_key not in source and token not in source


def test_no_path_of_the_building_machine(paths: SamplePaths) -> None:
    for path in paths.projects.rglob("*"):
        if path.is_file():
            assert str(paths.directory).encode() not in path.read_bytes(), path


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p.relative_to(root)): (p.read_bytes(), p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()}


def test_a_second_run_changes_nothing(paths: SamplePaths) -> None:
    before = contents(paths.directory)
    assert main([str(paths.directory)]) == 0
    assert contents(paths.directory) == before


def test_same_bytes_and_hashes_elsewhere_whatever_git_is_told(
    paths: SamplePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    hooks = home / "template" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "commit-msg").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "commit-msg").chmod(0o755)
    (home / "ignored").write_text("*.png\n")
    (home / ".gitconfig").write_text(
        f"[init]\n\ttemplateDir = {home}/template\n\tdefaultBranch = trunk\n"
        f"[core]\n\tautocrlf = true\n\tabbrev = 12\n\texcludesFile = {home}/ignored\n"
        "[commit]\n\tgpgSign = true\n"
        "[user]\n\tname = Somebody Else\n[diff]\n\trenames = false\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    other = write_sample(tmp_path / "other")
    monkeypatch.undo()
    assert contents(other.projects) == contents(paths.projects)
    assert git(other, "for-each-ref") == git(paths, "for-each-ref")


def test_changes_are_put_back_and_strangers_are_left_alone(tmp_path: Path) -> None:
    paths = write_sample(tmp_path / "sample")
    transcript = paths.session_directory / f"{IDS['next']}.jsonl"
    whole = transcript.read_bytes()
    transcript.write_bytes(whole[:-10])
    (paths.repository / "README.md").write_text("changed\n")
    stale = paths.session_directory / "left-by-an-older-sample.jsonl"
    mine = paths.session_directory / "mine.jsonl"
    outside = tmp_path / "outside.txt"
    for path in (stale, mine, outside):
        path.write_text("{}\n")
    listing = paths.directory / "sample-files.txt"
    listing.write_text(f"{listing.read_text()}{stale.relative_to(paths.projects)}\n../../outside.txt\n")
    write_sample(paths.directory)
    assert transcript.read_bytes() == whole
    assert git(paths, "status", "--porcelain") == ""
    assert not stale.exists()
    assert mine.exists() and outside.exists()


@pytest.mark.parametrize("name", ["projects", "tidebook"])
def test_a_directory_that_is_not_a_samples_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(IngestError, match="directory of its own"):
        write_sample(tmp_path)
    assert main([str(tmp_path)]) == 1
    assert "directory of its own" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_the_command_wants_one_directory(capsys: pytest.CaptureFixture) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_transcript_can_leave_a_call_without_a_result() -> None:
    me = Transcript("test", "/somewhere", "2.1.110", "model", utc("2026-01-01 00:00:00"))
    me.respond(Usage(1, 0, 0, 0, 9), Call("Bash", {}, None), Call("Bash", {}, lambda _: Result("", {})))
    assert [row["type"] for row in me.records] == ["assistant", "assistant", "user"]
