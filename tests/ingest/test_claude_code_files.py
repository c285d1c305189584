"""Where Claude Code keeps sessions and what each file is."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import git
import pytest

from ingest.agents import claude_code
from ingest.agents.claude_code import find_session_directories, first_cwd, list_files
from ingest.errors import IngestError

SESSION = "0790ea37-90df-4d30-8fdf-0bfe301b8f3e"


def write(path: Path, *records: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def described(root: Path) -> dict[str, tuple[str, str, str | None]]:
    files, _ = list_files(root)
    return {file.relative_path: (file.kind, file.session_id, file.parent_session_id) for file in files}


def test_default_root(monkeypatch, tmp_path):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert claude_code.default_root() == tmp_path / "projects"
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert claude_code.default_root() == tmp_path / "home" / ".claude" / "projects"


def test_every_layout_and_its_identity(tmp_path):
    names = [
        f"{SESSION}.jsonl",
        f"deep/er/{SESSION}.jsonl",
        f"{SESSION}/subagents/agent-a1.jsonl",
        f"{SESSION}/subagents/agent-a1.meta.json",
        f"{SESSION}/subagents/workflows/wf_1/agent-b2.jsonl",
        f"{SESSION}/subagents/workflows/wf_1/journal.jsonl",
        f"{SESSION}/tool-results/toolu_1.txt",
        f"{SESSION}/tool-results/more/x.jsonl",
        f"{SESSION}/subagents/agent-a1/tool-results/y.txt",
    ]
    ignored = [
        "sessions-index.json",
        "memory/notes.jsonl",
        "memory/MEMORY.md",
        f"{SESSION}/custom-title.json",
        "x.jsonl.swp",
    ]
    for name in names + ignored:
        write(tmp_path / "d" / name, {})
    child = (f"{SESSION}/agent-a1", SESSION)
    assert described(tmp_path / "d") == {
        f"{SESSION}.jsonl": ("transcript", SESSION, None),
        f"deep/er/{SESSION}.jsonl": ("transcript", SESSION, None),
        f"{SESSION}/subagents/agent-a1.jsonl": ("transcript", *child),
        f"{SESSION}/subagents/agent-a1.meta.json": ("sidecar", *child),
        f"{SESSION}/subagents/workflows/wf_1/agent-b2.jsonl": ("transcript", f"{SESSION}/agent-b2", SESSION),
        f"{SESSION}/subagents/workflows/wf_1/journal.jsonl": ("sidecar", SESSION, None),
        f"{SESSION}/tool-results/toolu_1.txt": ("sidecar", SESSION, None),
        f"{SESSION}/tool-results/more/x.jsonl": ("sidecar", SESSION, None),
        f"{SESSION}/subagents/agent-a1/tool-results/y.txt": ("sidecar", *child),
    }
    listed = [file.relative_path for file in list_files(tmp_path / "d")[0]]
    assert listed == sorted(listed)


def test_a_session_directory_may_itself_be_the_root(tmp_path):
    write(tmp_path / SESSION / "subagents" / "agent-a.jsonl", {})
    write(tmp_path / SESSION / "tool-results" / "r.txt", {})
    assert described(tmp_path / SESSION) == {
        "subagents/agent-a.jsonl": ("transcript", f"{SESSION}/agent-a", SESSION),
        "tool-results/r.txt": ("sidecar", SESSION, None),
    }


def test_old_flat_subagents_name_their_parent_inside(tmp_path):
    write(tmp_path / "agent-a.jsonl", {"type": "x"}, {"sessionId": SESSION, "agentId": "a"})
    write(tmp_path / "agent-a.meta.json", {})
    write(tmp_path / "agent-b.jsonl", {"type": "x"}, {"nested": {"sessionId": SESSION}})
    write(tmp_path / "agent-c.jsonl", {"sessionId": "../../etc"}, {"sessionId": 3})
    assert described(tmp_path) == {
        "agent-a.jsonl": ("transcript", f"{SESSION}/agent-a", SESSION),
        "agent-a.meta.json": ("sidecar", f"{SESSION}/agent-a", SESSION),
        "agent-b.jsonl": ("transcript", "agent-b", None),
        "agent-c.jsonl": ("transcript", "agent-c", None),
    }


def test_links_are_never_followed_and_always_named(tmp_path):
    outside = write(tmp_path / "outside" / "secret.jsonl", {})
    root = tmp_path / "root"
    write(root / "a.jsonl", {})
    (root / "link.jsonl").symlink_to(outside)
    (root / "linked-directory").symlink_to(outside.parent)
    (root / "broken.jsonl").symlink_to(tmp_path / "nowhere")
    (root / "loop.jsonl").symlink_to(root / "loop.jsonl")
    (root / "loop-directory").symlink_to(root)
    (root / "notes.md").symlink_to(outside)
    files, problems = list_files(root)
    assert [file.relative_path for file in files] == ["a.jsonl"]
    assert {(problem.path, problem.reason) for problem in problems} == {
        (name, "symbolic link")
        for name in ("link.jsonl", "linked-directory", "broken.jsonl", "loop.jsonl", "loop-directory")
    }
    (tmp_path / "named").symlink_to(root)
    assert [file.path for file in list_files(tmp_path / "named")[0]] == [root / "a.jsonl"]


def test_what_is_no_file_is_a_problem(tmp_path):
    write(tmp_path / "x.jsonl" / "inside.jsonl", {})
    os.mkfifo(tmp_path / "pipe.jsonl")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "s.jsonl"))
        files, problems = list_files(tmp_path)
    assert [file.relative_path for file in files] == ["x.jsonl/inside.jsonl"]
    assert [problem.path for problem in problems] == ["pipe.jsonl", "s.jsonl", "x.jsonl"]
    assert {problem.reason for problem in problems} == {"not a file"}
    assert first_cwd(tmp_path / "pipe.jsonl") is None
    missing, problems = list_files(tmp_path / "nowhere")
    assert missing == [] and problems[0].reason == "directory not readable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_directory_does_not_stop_the_listing(tmp_path):
    write(tmp_path / "a.jsonl", {})
    (tmp_path / "closed").mkdir(mode=0)
    files, problems = list_files(tmp_path)
    assert len(files) == 1 and problems[0].path == "closed"


def test_an_unreadable_directory_is_a_problem(tmp_path, monkeypatch):
    write(tmp_path / "a.jsonl", {})
    write(tmp_path / "closed" / "b.jsonl", {})
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(claude_code.os, "scandir", refuse)
    files, problems = list_files(tmp_path)
    assert [file.relative_path for file in files] == ["a.jsonl"]
    assert [(problem.path, problem.reason) for problem in problems] == [("closed", "directory not readable")]


def test_names_that_are_not_utf_8(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.jsonl")).write_text("{}\n")
    files, _ = list_files(tmp_path)
    assert files[0].session_id == "caf%E9" and files[0].path.read_text() == "{}\n"


def test_first_cwd_is_not_in_the_first_record_and_not_nested(tmp_path):
    path = write(
        tmp_path / "s.jsonl",
        {"type": "file-history-snapshot", "snapshot": {"cwd": "/wrong"}},
        {"type": "user", "message": '"cwd": "/also wrong"'},
        {"type": "user", "cwd": "/right"},
        {"type": "user", "cwd": "/later"},
    )
    assert first_cwd(path) == "/right"
    path.write_bytes(b'{"cwd": broken\n\n[1, "cwd"]\n{"cwd": 7}\n{"cwd": ""}\n{"cwd": "/without newline"}')
    assert first_cwd(path) == "/without newline"
    path.write_bytes(b"")
    assert first_cwd(path) is None
    assert first_cwd(tmp_path / "nowhere") is None
    (tmp_path / "link").symlink_to(path)
    assert first_cwd(tmp_path / "link") is None


def test_first_cwd_reads_only_the_beginning(tmp_path, monkeypatch):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(b'{"n": %d}\n' % n for n in range(200_000)) + b'{"cwd": "/late"}\n')
    read = []
    pread = os.pread
    monkeypatch.setattr(claude_code.os, "pread", lambda *a: read.append(a[1]) or pread(*a))
    assert first_cwd(path) == "/late"
    monkeypatch.setattr(claude_code, "FIRST_RECORDS_BYTES", 128 * 1024)
    read.clear()
    assert first_cwd(path) is None
    assert sum(read) == 128 * 1024
    write(path, {"cwd": "/early"}, *[{"n": n} for n in range(20_000)])
    read.clear()
    assert first_cwd(path) == "/early" and len(read) == 1


@pytest.fixture
def repository(tmp_path) -> Path:
    path = tmp_path / "work" / "my-repo"
    with git.Repo.init(path) as repo:
        repo.config_writer().set_value("user", "name", "A").set_value("user", "email", "a@example.org").release()
        (path / "a").write_text("a\n")
        repo.index.add(["a"])
        repo.index.commit("first")
        repo.git.worktree("add", "-q", str(tmp_path / "trees" / "wt"), "-b", "w")
        repo.git.worktree("add", "-q", str(tmp_path / "trees" / "gone"), "-b", "g")
    (path / "src").mkdir()
    return path


def test_sessions_are_found_by_cwd_and_common_directory(tmp_path, repository):
    root = tmp_path / "projects"
    git.Repo.init(repository / "vendor" / "other").close()
    git.Repo.init(tmp_path / "work" / "my" / "repo").close()
    (tmp_path / "trees" / "gone" / ".git").unlink()
    (tmp_path / "trees" / "gone" / "a").unlink()
    (tmp_path / "trees" / "gone").rmdir()
    cwds = {
        "root": repository,
        "below": repository / "src",
        "worktree": tmp_path / "trees" / "wt",
        "gone-worktree": tmp_path / "trees" / "gone" / "deep",
        "gone-below": repository / "was" / "here",
        # The name says another path than the records: the records are right.
        "-elsewhere": repository,
        "no-vendor": repository / "vendor" / "other",
        "no-beside": tmp_path / "work" / "my-repo-2",
        "no-same-encoding": tmp_path / "work" / "my" / "repo",
        str(repository).replace("/", "-"): tmp_path,
    }
    for name, cwd in cwds.items():
        write(root / name / "s.jsonl", {"type": "summary"}, {"cwd": str(cwd)})
    write(root / "second-file" / "a.jsonl", {"cwd": str(tmp_path)})
    write(root / "second-file" / "b.jsonl", {"cwd": str(repository)})
    write(root / "empty" / "a.jsonl")
    (root / "a-file").write_text("x")
    (root / "link").symlink_to(root / "root")
    expected = ["-elsewhere", "below", "gone-below", "gone-worktree", "root", "second-file", "worktree"]
    for given in (repository, repository / "src", tmp_path / "trees" / "wt"):
        assert [path.name for path in find_session_directories(given, root)] == expected


def test_finding_needs_a_repository_but_no_sessions(tmp_path, repository):
    assert find_session_directories(repository, tmp_path / "nowhere") == []
    (tmp_path / "plain").mkdir()
    with pytest.raises(IngestError, match="--repo"):
        find_session_directories(tmp_path / "plain", tmp_path)


def test_real_corpus_every_session_says_where_it_ran():
    corpus = os.environ.get("OPE_CORPUS_DIR")
    unpacked = Path(os.environ.get("OPE_CORPUS_SESSIONS", ".realdata/projects"))
    if not corpus or not unpacked.is_dir():
        pytest.skip("OPE_CORPUS_DIR is not set or the corpus is not unpacked")
    files, problems = list_files(unpacked)
    assert (len(files), problems) == (273, [])
    assert len({file.session_id for file in files}) == 273
    assert all(first_cwd(file.path) for file in files)
