"""Where the commands of a page run: a copy of the sample's data directory in a scratch directory that stands for the
program's, with a home of its own, a clone to work on, a backup of sessions, another machine's data directory.

What pages call `my-project` is the sample's project, and the ids that they give as examples are ids of the sample.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb

SAMPLE_PROJECT = "tidebook"
SHOWN_DATA = ".sample"
LABELS = "session_id,commit_sha,label\n{session},{commit},linked\n"
REACTIONS = "message_uuid,label\n{prompt},approve\n"


@dataclass
class World:
    """`root`: the scratch directory. `database`: `ope.db` of the built sample, with its data directory around it.

    `data` is copied when `prepare` is called, which the first command does; queries do without. `working` is where
    commands run, relative to the root: `cd` changes it for the rest of its block.
    """

    root: Path
    database: Path
    environment: dict[str, str] = field(default_factory=dict)
    working: Path = Path()
    is_prepared: bool = False

    @property
    def data(self) -> Path:
        """The data directory, under the name that `make build` gives that of the sample; `data` is a link to it."""
        return self.root / SHOWN_DATA

    @property
    def home(self) -> Path:
        return self.root / "home"

    def another(self) -> World:
        """A fresh one beside it; this one is deleted."""
        shutil.rmtree(self.root)
        self.root.mkdir()
        return World(self.root, self.database)

    def prepare(self) -> None:
        """Copy the sample and set up what pages name. Does nothing the second time."""
        if self.is_prepared:
            return
        self.is_prepared = True
        source = self.database.parent
        shutil.copytree(source, self.data, dirs_exist_ok=True, ignore=shutil.ignore_patterns("source", "logs"))
        (self.root / "data").symlink_to(self.data)
        self.home.mkdir()
        git_settings = self.home / ".gitconfig"
        git_settings.write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n", encoding="utf-8")
        self.environment = {
            **os.environ,
            "HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": str(git_settings),
            "GIT_CONFIG_NOSYSTEM": "1",
            "OPE_DATA_DIR": str(self.data),
            "NO_COLOR": "1",
            "BROWSER": "true",
            "COLUMNS": "200",
        }
        for name in ("CLAUDE_CONFIG_DIR", "CLAUDE_CODE_SESSION_ID", "CLAUDE_SESSION_ID"):
            self.environment.pop(name, None)
        project = self.home / "code" / "my-project"
        self._write_repository(project)
        self._write_session(self.home / ".claude" / "projects", project)
        self._write_session(self.home / "backup" / "projects", self.home / "old-work")
        self._write_session(self.home / "backup" / "other", self.home / "other-work")
        self._write_files()

    def _write_repository(self, place: Path) -> None:
        place.mkdir(parents=True)
        (place / "README").write_text("A project.\n", encoding="utf-8")
        for command in (["init", "--quiet", "-b", "main"], ["add", "."], ["commit", "--quiet", "-m", "Begin"]):
            subprocess.run(["git", *command], cwd=place, env=self.environment, check=True, capture_output=True)

    def _write_session(self, projects: Path, worked_in: Path) -> None:
        """A session of one prompt and one answer, in the agent's layout."""
        session_id, prompt_id = str(uuid.uuid5(uuid.NAMESPACE_URL, str(projects.name))), str(uuid.uuid4())
        common = {"sessionId": session_id, "cwd": str(worked_in), "version": "2.1.100", "isSidechain": False}
        prompt = {"type": "user", "uuid": prompt_id, "parentUuid": None, "timestamp": "2026-05-01T10:00:00.000Z"}
        answer = {"type": "assistant", "uuid": str(uuid.uuid4()), "parentUuid": prompt_id}
        records = [
            common | prompt | {"message": {"role": "user", "content": "Hello"}},
            common
            | answer
            | {"timestamp": "2026-05-01T10:00:05.000Z"}
            | {"message": {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]}},
        ]
        place = projects / str(worked_in).replace("/", "-").replace(".", "-")
        place.mkdir(parents=True)
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (place / f"{session_id}.jsonl").write_text(lines, encoding="utf-8")

    def _write_files(self) -> None:
        """Files and directories that pages name, relative to the program's directory or below /mnt."""
        (self.root / "old").mkdir()
        shutil.copy2(self.data / "processed" / SAMPLE_PROJECT / "git-metadata.json", self.root / "old")
        (self.root / "pairs.csv").write_text(LABELS.format_map(self.examples), encoding="utf-8")
        (self.root / "labels.csv").write_text(REACTIONS.format_map(self.examples), encoding="utf-8")
        (self.root / "notes.md").write_text("Nothing secret.\n", encoding="utf-8")
        (self.root / "exports").mkdir()
        (self.root / "mnt" / "usb").mkdir(parents=True)
        there = self.root / "mnt" / "laptop" / "ope-data"
        ignored = shutil.ignore_patterns("source", "logs", "*.db", ".redaction_key")
        shutil.copytree(self.database.parent, there, ignore=ignored)
        shutil.copy2(self.data / ".redaction_key", there / ".redaction_key")

    @cached_property
    def examples(self) -> dict[str, str]:
        """A linked commit of the sample, the session that wrote it, and a prompt of that session."""
        query = """
            select commit_sha, linked_session_id, prompt_uuid
            from commits inner join turns on commits.linked_session_id = turns.session_id
            where prompt_uuid is not null
            order by link_confidence desc, commit_sha, turn_index
        """
        with duckdb.connect(str(self.database), read_only=True) as connection:
            row = connection.execute(query).fetchone()
        assert row, "the sample has no linked commit"
        return dict(zip(("commit", "session", "prompt"), row, strict=True))

    def _newest_backup(self) -> str:
        return max((path.parent.name for path in self.root.glob("mnt/usb/*/*/manifest.json")), default="")

    def meant(self, word: str) -> str:
        """What a word of a command stands for here."""
        examples = self.examples
        stands_for = {
            "my-project": SAMPLE_PROJECT,
            "1a2b3c4d": examples["commit"][:8],
            "03a1382e": examples["session"][:8],
            "0f2c7d1e-5a3b-4c6d-8e9f-0123456789ab": examples["session"],
            "20261121T031500Z-94c56c": self._newest_backup(),
        }
        word = stands_for.get(word, word).replace("$PWD", str(self.root / self.working))
        if word.startswith("~/"):
            return str(self.home / word[2:])
        if word.startswith("/mnt/"):
            return str(self.root) + word
        return word.replace("/path/to/data", str(self.data)).replace("/path/to/ope", str(self.root))

    def as_shown(self, output: str) -> str:
        """An output with the names that a page has for the places here."""
        return output.replace(f"{self.root}/mnt/", "/mnt/").replace(str(self.home), "~").replace(f"{self.root}/", "")
