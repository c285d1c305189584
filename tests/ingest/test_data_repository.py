"""`init-data`: the data directory as a repository of its own, apart from the program's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ingest.data_repository import ignore_text, init_data, normal_remote
from ingest.errors import IngestError
from tests.ingest.shell import Shell, git


def test_init_data_makes_a_repository_of_its_own(shell: Shell) -> None:
    assert shell.json("init-data")["is_new"] is True
    made = ("ope.db", "ope.db.wal", ".redaction_key", ".redaction_key.1-ab", "logs/x.log", "outputs/x.csv")
    for name in (*made, "raw/a/.scratch/copy", "raw/a/manifest.jsonl"):
        path = shell.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    listing = subprocess.run(
        ["git", "-C", str(shell.data), "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True
    ).stdout
    assert sorted(line[3:] for line in listing.splitlines()) == [".gitignore", "raw/a/manifest.jsonl"]

    (shell.data / ".gitignore").write_text("mine\n*.db\n")
    assert shell.json("init-data") == {"root": str(shell.data), "is_new": False, "ignore_changed": True}
    kept = (shell.data / ".gitignore").read_text().splitlines()
    assert kept[:2] == ["mine", "*.db"] and kept.count("*.db") == 1 and ".redaction_key*" in kept
    assert shell.json("init-data")["ignore_changed"] is False


def test_inside_a_git_hook_the_data_directory_counts(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.make_repository()
    monkeypatch.setenv("GIT_DIR", str(shell.repository / ".git"))
    assert shell.json("init-data")["is_new"] is True
    assert (shell.data / ".git" / "HEAD").exists()


def test_init_data_takes_another_directory(shell: Shell, tmp_path: Path) -> None:
    assert "OPE_DATA_DIR" in shell.run("init-data", str(tmp_path / "else where")).stdout
    assert (tmp_path / "else where" / ".gitignore").read_text() == ignore_text()


def test_init_data_refuses_the_program_and_other_repositories(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = tmp_path / "product"
    (product / "data").mkdir(parents=True)
    git(product, "init", "--quiet")
    git(product, "remote", "add", "origin", "git@example.org:team/ope.git")
    monkeypatch.setattr("ingest.data_repository.PRODUCT_ROOT", product)

    for directory in (product, product / "models", product / "data" / "inner"):
        with pytest.raises(IngestError, match="program's own repository"):
            init_data(directory)
    with pytest.raises(IngestError, match="contains the program"):
        init_data(tmp_path)
    assert init_data(product / "data").is_new

    shell.make_repository()
    with pytest.raises(IngestError, match="inside another repository"):
        init_data(shell.repository / "data")

    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "--quiet")
    git(clone, "remote", "add", "backup", "https://me:word@Example.org/team/ope")
    with pytest.raises(IngestError, match="same remote") as caught:
        init_data(clone)
    assert "word" not in str(caught.value)
    git(clone, "remote", "set-url", "backup", "https://example.org/team/ope-data")
    assert init_data(clone).is_new is False


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("git@Host.org:a/B.git", "host.org/a/b"),
        ("ssh://git@host.org:22/a/b.git", "host.org/a/b"),
        ("https://host.org/a/b/", "host.org/a/b"),
        ("/srv/git/a.git", "/srv/git/a"),
        ("file:///srv/git/a", "/srv/git/a"),
    ],
)
def test_one_remote_has_many_spellings(address: str, normal: str) -> None:
    assert normal_remote(address) == normal
