"""Where coding agents keep their sessions, one module per agent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceFile:
    """One file of an agent. `relative_path` is below `source_root`, with `/` between its parts."""

    source_root: Path
    relative_path: str
    kind: str  # transcript | sidecar
    session_id: str
    parent_session_id: str | None
    agent: str = "claude-code"

    @property
    def path(self) -> Path:
        return self.source_root / self.relative_path
