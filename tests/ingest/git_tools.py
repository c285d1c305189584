"""Small repositories, and a redactor whose one secret is known, for the tests of the git side."""

from __future__ import annotations

import json
import os
import subprocess
from collections import namedtuple
from pathlib import Path

from ingest.fingerprint import line_fingerprint
from ingest.git_history import extract_history

# Made at run time: nothing in a source file should look like a secret.
SECRET = "open-" + "sesame-" * 2 + "now"
TOKEN = "[REDACTED:fake:" + "A" * 16 + "]"
FIRST_SECOND = 1_770_000_000

Finding = namedtuple("Finding", "line_number rule_id token")


class FakeRedactor:
    """Replaces one known text by one known token."""

    def __init__(self, secret=SECRET, rules_version="one"):
        self.secret = secret
        self.rules_version = rules_version

    def redact_text(self, text):
        return text.replace(self.secret, TOKEN)

    def redact_text_bytes(self, data):
        secret = self.secret.encode()
        found = [Finding(n, "fake", TOKEN) for n, line in enumerate(data.split(b"\n"), 1) if secret in line]
        return data.replace(secret, TOKEN.encode()), found


class Work:
    """A repository with a checkout; every commit is ten minutes after the one before."""

    def __init__(self, path: Path, *init):
        self.path = path
        self.seconds = FIRST_SECOND
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *init)

    def git(self, *arguments, data=b"", **environment) -> str:
        return git(self.path, *arguments, data=data, date=f"{self.seconds} +0200", **environment)

    def commit(self, message="a change", /, *, name=None, **environment) -> str:
        self.seconds += 600
        self.git("add", "--all")
        arguments = ["commit", "--quiet", "--allow-empty", "--allow-empty-message", "--file=-"]
        data = message if isinstance(message, bytes) else message.encode()
        self.git(*arguments, data=data, **environment)
        return self.git("rev-parse", "HEAD")

    def write(self, name, content):
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def remove(self, name):
        (self.path / name).unlink()

    def raw_commit(self, content: bytes) -> str:
        """A commit object exactly as given, however odd, on a branch of its own."""
        sha = self.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=content)
        ref = self.path / f".git/refs/heads/raw-{sha[:12]}"
        ref.write_text(f"{sha}\n")
        return sha


def git(path, *arguments, data=b"", date=f"{FIRST_SECOND} +0000", **extra) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
        "LC_ALL": "C",
        **extra,
    }
    settings = ["-c", "protocol.file.allow=always", "-c", "commit.gpgSign=false", "-c", "core.autocrlf=false"]
    done = subprocess.run(
        ["git", "-C", os.fspath(path), *settings, *arguments], input=data, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("utf-8", "replace").strip()


def extract(work, output, redactor=None, **options):
    """(result, commits by hash) of the file after one run."""
    path = work.path if isinstance(work, Work) else work
    result = extract_history(path, output, redactor or FakeRedactor(), **options)
    return result, load(output)


def load(output):
    commits = json.loads(output.read_bytes())["commits"]
    assert len({commit["sha"] for commit in commits}) == len(commits)
    return {commit["sha"]: commit for commit in commits}


def without_reflog(output):
    """The bytes of the file as they are where the repository has no reflog."""
    commits, mark, _ = output.read_bytes().partition(b'],"reflog":[\n')
    return commits + b"]}\n" if mark else commits


def files(commit):
    return {file["path"]: file for file in commit["files"]}


def hashes(*lines):
    """Fingerprints of the lines that have one."""
    return [fingerprint for line in lines if (fingerprint := line_fingerprint(line))]
