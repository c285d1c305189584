"""What the sample's sessions share: the repository they work in, and the session files that they leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ingest.sample.repository import Repository
from ingest.sample.tools import Tools
from ingest.sample.transcript import Record, Transcript, make_uuid

HOME = "/home/sam"
CWD = f"{HOME}/code/tidebook"
WORKTREE = f"{CWD}-storm"
# One drive, written in two cases.
ROSAS_CWD, ROSAS_CWD_AGAIN = r"C:\Users\rosa\code\tidebook", r"c:\Users\rosa\code\tidebook"
OPUS = "claude-opus-4-5-20251101"
SONNET = "claude-sonnet-4-5-20250929"
LATER_OPUS = "claude-opus-4-6"
LATER_SONNET = "claude-sonnet-4-6"


@dataclass
class World:
    """`transcripts` by file path below the projects directory; `sidecars` are the other files there."""

    repository: Repository
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    sidecars: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)

    def session(self, transcript: Transcript, tree: Repository | None = None) -> tuple[Transcript, Tools]:
        """Begin a top-level session, in the repository itself or in another working tree of it."""
        self.transcripts[f"{encode(transcript.cwd)}/{transcript.session_id}.jsonl"] = transcript
        return transcript, Tools(tree or self.repository, transcript.cwd)

    def keep(self, cwd: str, transcript: Transcript) -> None:
        """Keep what a session has so far in the directory of another working directory too."""
        self.sidecars[f"{encode(cwd)}/{transcript.session_id}.jsonl"] = (transcript.data(), transcript.at)

    def empty(self, key: str, at: datetime) -> None:
        """A session file that nothing was ever written to."""
        self.sidecars[f"{encode(CWD)}/{make_uuid(f'session/{key}')}.jsonl"] = (b"", at)

    def subagent(self, parent: Transcript, agent: Transcript, meta: bytes) -> None:
        """Keep a subagent's own file and its `.meta.json` below its parent's directory."""
        stem = f"{encode(parent.cwd)}/{parent.session_id}/subagents/agent-{agent.agent_id}"
        self.transcripts[f"{stem}.jsonl"] = agent
        self.sidecars[f"{stem}.meta.json"] = (meta, agent.at)

    def flat_subagent(self, parent: Transcript, agent: Transcript) -> None:
        """Keep a subagent's file beside the sessions, as older versions do: only its records name the parent."""
        self.transcripts[f"{encode(parent.cwd)}/agent-{agent.agent_id}.jsonl"] = agent

    def tool_result(self, parent: Transcript, name: str, data: bytes) -> str:
        """Keep a large tool output below its session's directory; returns the path that the records show."""
        path = f"{encode(parent.cwd)}/{parent.session_id}/tool-results/{name}.txt"
        self.sidecars[path] = (data, parent.at)
        return f"{HOME}/.claude/projects/{path}"

    def files(self) -> Iterator[tuple[str, bytes, datetime]]:
        """Path below the projects directory, bytes, and when the file was last written."""
        for path, transcript in self.transcripts.items():
            yield path, transcript.data(), transcript.at
        for path, (data, at) in self.sidecars.items():
            yield path, data, at


def encode(cwd: str) -> str:
    """The agent's (lossy) directory name of a working directory."""
    return re.sub(r"[^a-zA-Z0-9]", "-", cwd)


def utc(text: str) -> datetime:
    """`2026-01-07 09:02:11` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def by_uuid(records: list[Record]) -> list[Record]:
    return [record for record in records if "uuid" in record]
