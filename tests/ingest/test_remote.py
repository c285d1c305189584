"""A repository that is given by its URL: what is read of it, what is fetched, and what stays on this disk."""

from __future__ import annotations

import json
import subprocess
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.files import make_private_directory
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.registry import load_projects
from ingest.remote import history
from ingest.remote.address import is_address, parse_address
from ingest.remote.clone import SCRATCH
from ingest.remote.history import remote_history
from tests.ingest.git_tools import FIRST_SECOND, FakeRedactor, Work, extract, files, git, hashes, load
from tests.ingest.http_git import has_backend, served
from tests.ingest.shell import Shell

SINCE = datetime.fromtimestamp(FIRST_SECOND, timezone.utc).date()
DAY = 24 * 3600


class Far:
    """A repository elsewhere: `work` pushes to it, and it is read into `output`."""

    def __init__(self, root: Path) -> None:
        self.path = root / "far.git"
        self.work = Work(root / "work")
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.path))
        git(self.path, "config", "uploadpack.allowFilter", "true")
        self.output = root / "processed" / "far" / "git-metadata.json"
        self.url = self.path.as_uri()

    def push(self, *refs: str) -> None:
        self.work.git("push", "--quiet", "--force", str(self.path), *(refs or ("--all", "--prune")))

    def read(self, since: date = SINCE, **options):
        result = remote_history(parse_address(self.url), self.output, FakeRedactor(**options), since=since)
        assert sorted(path.name for path in self.output.parent.iterdir() if path.name.startswith("git-")) == sorted(
            path.name for path in self.output.parent.iterdir()
        )
        return result, load(self.output)

    def later(self, days: int) -> None:
        self.work.seconds += days * DAY


@pytest.fixture
def far(tmp_path, no_waiting_for_the_disk, monkeypatch) -> Far:
    far = Far(tmp_path)
    work = far.work

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(work.seconds, tz)

    monkeypatch.setattr(history, "datetime", Clock)
    work.seconds = FIRST_SECOND - 200 * DAY
    work.write("old.txt", "a line of long ago\n" * 3)
    work.commit("long ago")
    work.git("tag", "v0")
    work.seconds = FIRST_SECOND
    work.write("a.txt", "the first line of it\n")
    work.commit("the first")
    work.write("a.txt", "the first line of it\nthe second line of it\n")
    work.commit("the second")
    far.push("main", "v0")
    return far


@pytest.fixture
def fetched(monkeypatch) -> list:
    """What was fetched: commits as True, files as the names of their objects."""
    seen: list = []
    for name in ("fetch_commits", "fetch_content"):
        real = getattr(history, name)

        def noted(*arguments, real=real, name=name, **options):
            seen.append((options.get("names") or "all") if name == "fetch_commits" else set(arguments[2]))
            return real(*arguments, **options)

        monkeypatch.setattr(history, name, noted)
    return seen


def test_the_metadata_are_those_of_a_shallow_clone(far, tmp_path) -> None:
    _, commits = far.read()
    clone = tmp_path / "clone.git"
    since = f"--shallow-since={SINCE}T00:00:00+0000"  # git reads a day alone as that day at the present time of day
    git(tmp_path, "clone", "--quiet", "--bare", since, "--single-branch", far.url, str(clone))
    _, expected = extract(clone, tmp_path / "other.json")
    assert commits == expected
    first, second = commits.values()
    assert first["is_boundary"] and first["files"] == [] and first["message"] == "the first"
    assert files(second)["a.txt"]["added_line_hashes"] == hashes("the second line of it")
    assert second["source_ref"] == "refs/heads/main"


def test_only_the_files_of_new_commits_are_fetched_and_nothing_where_nothing_is_new(far, fetched) -> None:
    far.read()
    before = set(git(far.path, "rev-parse", "main~1:a.txt", "main:a.txt").split())
    assert fetched == ["all", before]
    fetched.clear()
    again, _ = far.read()
    assert (fetched, again.commits, again.new_commits) == ([], 2, 0)
    far.work.write("b.txt", "another file altogether\n")
    far.work.commit("the third")
    far.push()
    result, commits = far.read()
    assert fetched == [["refs/heads/main"], {git(far.path, "rev-parse", "main:b.txt")}]
    assert result.new_commits == 1 and files(list(commits.values())[2])["b.txt"]["insertions"] == 1


def test_many_nights_are_one_reading(far, tmp_path, fetched) -> None:
    work = far.work

    far.read()
    for night in range(1, 4):
        far.later(20)
        work.write("a.txt", "".join(f"line {n} of night {night}\n" for n in range(4)))
        work.commit(f"night {night}")
        work.git("checkout", "--quiet", "-B", f"side-{night}", "main~1")
        work.write(f"side-{night}.txt", f"what night {night} tried\n")
        work.commit(f"side {night}")
        work.git("checkout", "--quiet", "main")
        work.git("merge", "--quiet", "--no-edit", f"side-{night}")
        far.push()
        far.read()
    assert fetched.count("all") == 1
    output = tmp_path / "whole" / "git-metadata.json"
    assert remote_history(parse_address(far.url), output, FakeRedactor(), since=SINCE).commits == 11
    assert far.output.read_bytes() == output.read_bytes()


def test_a_branch_that_was_pushed_late_is_read_whole(far, fetched) -> None:
    work = far.work
    work.git("checkout", "--quiet", "-b", "late", "main~1")
    work.write("late.txt", "made long before it was pushed\n")
    late = work.commit("late")
    work.git("checkout", "--quiet", "main")
    far.later(100)
    work.write("a.txt", "much later\n")
    work.commit("much later")
    far.push("main")
    far.read()
    far.push("late")
    _, commits = far.read()
    assert files(commits[late])["late.txt"]["added_line_hashes"] == hashes("made long before it was pushed")
    assert [commit["message"] for commit in commits.values() if commit.get("is_boundary")] == ["the first"]
    assert fetched.count("all") == 2


def test_what_the_other_side_forgot_stays_as_unreachable(far) -> None:
    work = far.work
    _, before = far.read()
    gone = work.git("rev-parse", "main")
    work.git("reset", "--quiet", "--hard", "HEAD~1")
    work.write("a.txt", "written anew\n")
    work.commit("anew")
    far.push()
    result, commits = far.read()
    assert result.unreachable == 1 and commits[gone]["is_reachable"] is False
    assert commits[gone]["files"] == before[gone]["files"]
    far.work.git("branch", "back", gone)
    far.push("back")
    result, commits = far.read()
    assert result.unreachable == 0 and commits[gone]["is_reachable"] is True


def test_an_earlier_day_reads_more(far) -> None:
    far.read()
    _, commits = far.read(since=SINCE - timedelta(days=300))
    ages, first, _ = commits.values()
    assert "is_boundary" not in first and files(first)["a.txt"]["insertions"] == 1
    assert files(ages)["old.txt"]["insertions"] == 3


def test_other_rules_read_everything_again(far, fetched) -> None:
    far.read()
    fetched.clear()
    far.read(rules_version="two")
    assert fetched[0] == "all"


def test_an_empty_repository_and_branches_with_slashes(tmp_path, no_waiting_for_the_disk) -> None:
    far = Far(tmp_path)
    assert far.read()[1] == {}
    far.work.write("a.txt", "a line of it\n")
    only = far.work.commit("on a branch")
    far.work.git("checkout", "--quiet", "-b", "feature/one/two")
    second = far.work.commit("second")
    far.work.git("tag", "-a", "-m", "a tag", "v1/0")
    far.push("feature/one/two", "refs/tags/v1/0")
    _, commits = far.read()
    assert {sha: commit["source_ref"] for sha, commit in commits.items()} == dict.fromkeys(
        (only, second), "refs/heads/feature/one/two"
    )


def test_a_server_without_filters_gives_all_files(far) -> None:
    git(far.path, "config", "uploadpack.allowFilter", "false")
    _, commits = far.read()
    assert files(list(commits.values())[1])["a.txt"]["insertions"] == 1


def test_a_repository_without_commits_since_then_has_none(far) -> None:
    result, commits = far.read(since=SINCE + timedelta(days=5000))
    assert (result.commits, commits) == (0, {})


def test_a_killed_fetch_leaves_nothing(far, tmp_path, monkeypatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(history, "extract_history", killed)
    with pytest.raises(KeyboardInterrupt):
        far.read()
    assert list(far.output.parent.iterdir()) == []
    data = DataDir(tmp_path)
    make_private_directory(far.output.parent / SCRATCH / "clone")
    with data_lock(data, "a test"):
        assert list(far.output.parent.iterdir()) == []


def test_a_repository_that_cannot_be_fetched_is_one_sentence_and_changes_nothing(far) -> None:
    far.read()
    before = far.output.read_bytes()
    far.path.rename(far.path.with_name("moved.git"))
    with pytest.raises(IngestError, match=r"far\.git cannot be fetched .*: check the URL and the network, then try"):
        far.read()
    assert far.output.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "url", "user", "password"),
    [
        ("https://host/team/app.git", "https://host/team/app.git", None, None),
        ("https://{user}:{word}@host:8443/app", "https://host:8443/app", "{user}", "{word}"),
        ("http://{word}@host/app", "http://host/app", "{word}", ""),
        ("https://{user}:%2Fx%40{word}@host/app", "https://host/app", "{user}", "/x@{word}"),
        ("ssh://git:{word}@host:22/app", "ssh://git@host:22/app", None, None),
        ("git@host:team/app.git", "git@host:team/app.git", None, None),
        ("git://{user}:{word}@host/app", "git://host/app", None, None),
        ("file:///srv/app.git", "file:///srv/app.git", None, None),
    ],
)
def test_an_address_is_kept_without_what_lets_one_in(text, url, user, password) -> None:
    words = {"user": "ada", "word": "open" + "sesame"}
    address = parse_address(text.format(**words))
    assert is_address(text.format(**words))
    assert (address.url, address.user, address.password) == (
        url,
        user and user.format(**words),
        password if password is None else password.format(**words),
    )
    assert words["word"] not in repr(address) and words["word"] not in address.url


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c touch% x",
        "ftp://host/app",
        "https://ada:{word}/x@host/app",
        "https://ada:{word}x/y@host/app",
        "https://host/app?token={word}",
        "https://host/app#{word}",
        "https:///app",
        "ssh://-oProxyCommand={word}/app",
        "https://host/a\n{word}",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(text) -> None:
    word = "open" + "sesame"
    with pytest.raises(IngestError) as error:
        parse_address(text.format(word=word))
    assert word not in str(error.value) and str(error.value).count(". ") == 0


def test_add_project_by_url_and_sync(shell: Shell, far) -> None:
    """Its sessions are those of a clone on this machine, and the history begins some weeks before the first."""
    subprocess.run(["git", "clone", "--quiet", far.url, str(shell.repository)], check=True, capture_output=True)
    shell.write_session("s1")
    added = shell.json("add-project", "--repo", far.url)
    project = added["project"]
    assert (project["project_id"], project["remote"], project["repository"]) == ("far", far.url, None)
    assert project["session_directories"] == [str(shell.sessions)]
    assert project["since"] == "2025-10-03"  # 90 days before 2026-01-01
    assert added["commits"] == 2 and any("clones of" in sentence for sentence in added["understood"])
    far.work.commit("one more")
    far.push()
    synced = shell.json("sync")
    assert (synced["landing"]["commits"], synced["projects"][0]["history"]["new_commits"]) == (3, 1)
    assert shell.ask("select repository from raw.projects") == [(far.url,)]
    far.path.rename(far.path.with_name("moved.git"))
    again = shell.json("add-project", "--repo", far.url)
    assert again["project"]["project_id"] == "far" and "cannot be fetched" in again["failures"][0]
    assert not (shell.data / "processed" / "far" / SCRATCH).exists()


@pytest.mark.skipif(not has_backend(), reason="git without http-backend")
def test_a_password_is_used_once_and_stands_nowhere(shell: Shell, far, monkeypatch) -> None:
    word = "open" + "sesame" + "%2F"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(shell.data.parent / "gitconfig"))
    with served(far.path.parent, "ada", "opensesame/") as host:
        added = shell.run("add-project", "--repo", f"http://ada:{word}@{host}/far.git", "--since", str(SINCE))
        assert "2 commits" in added.stdout and "credential helper" in added.stdout
        assert "sesame" not in added.output
        refused = shell.run("sync", code=1)
        assert f"git ls-remote http://{host}/far.git" in refused.stdout
        helper = '!f() { printf "username=ada\\npassword=opensesame/\\n"; }; f'
        git(shell.data.parent, "config", "--file", str(shell.data.parent / "gitconfig"), "credential.helper", helper)
        assert shell.json("sync")["projects"][0]["history"]["commits"] == 2
        wrong = shell.run("add-project", "--name", "Wrong", "--repo", f"http://ada:no{word}@{host}/far.git", code=1)
        assert (
            wrong.stderr.startswith(f"Error: http://{host}/far.git cannot be fetched") and "sesame" not in wrong.output
        )
    written = [path for path in shell.data.rglob("*") if path.is_file() and b"sesame" in path.read_bytes()]
    assert written == []
    assert load_projects(DataDir(shell.data))[0].remote == f"http://{host}/far.git"
    assert json.loads((shell.data / "raw" / "far" / "metadata.json").read_text())["repository"].startswith("http://127")
