"""Where everything stands inside the data directory (`OPE_DATA_DIR`, default `data/` of the clone)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PRODUCT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class DataDir:
    """The user's data directory. Making one touches nothing on disk."""

    root: Path

    @classmethod
    def from_environment(cls) -> DataDir:
        """`OPE_DATA_DIR` if set (relative to the working directory), else `data/` of the clone."""
        configured = os.environ.get("OPE_DATA_DIR", "").strip()
        return cls(Path(configured).expanduser().resolve() if configured else PRODUCT_ROOT / "data")

    @property
    def registry(self) -> Path:
        return self.root / "projects.json"

    @property
    def database(self) -> Path:
        return self.root / "ope.db"

    @property
    def published(self) -> Path:
        return self.root / "marts.db"

    @property
    def redaction_key(self) -> Path:
        return self.root / ".redaction_key"

    @property
    def consent(self) -> Path:
        """Who allowed or forbade shared exports, and when."""
        return self.root / "consent.json"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    @property
    def logs(self) -> Path:
        """JSON logs of what the program did, a file per day."""
        return self.root / "logs"

    @property
    def archived(self) -> Path:
        """Cold Parquet: old sessions, and snapshots of the marts."""
        return self.root / "archived"

    def run_outputs(self, run_id: str, command: str) -> Path:
        """`outputs/run_<id>_<command>_<date>`: what a run leaves to read. The date is that of the id, in UTC."""
        return self.outputs / f"run_{run_id}_{command}_{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}"

    @property
    def low_confidence(self) -> Path:
        """Links in doubt, for people to look at."""
        return self.root / "validation" / "low_confidence.jsonl"

    @property
    def places_of_projects(self) -> tuple[Path, Path, Path]:
        """`raw`, `processed` and `validation`, each with a directory per project."""
        return self.root / "raw", self.root / "processed", self.root / "validation"

    def project_places(self, project_id: str) -> tuple[Path, ...]:
        """Where the truth about a project lies, apart from its entry in the registry and cold storage."""
        return tuple(place / project_id for place in self.places_of_projects)

    def raw(self, project_id: str) -> Path:
        """`raw/<project>`: manifest.jsonl, metadata.json and sessions/."""
        return self.root / "raw" / project_id

    def sessions(self, project_id: str) -> Path:
        return self.raw(project_id) / "sessions"

    def manifest(self, project_id: str) -> Path:
        return self.raw(project_id) / "manifest.jsonl"

    def metadata(self, project_id: str) -> Path:
        return self.raw(project_id) / "metadata.json"

    def notes(self, project_id: str) -> Path:
        """`raw/<project>/NOTES.md`: what people have to say about the project; only ever appended to."""
        return self.raw(project_id) / "NOTES.md"

    def processed(self, project_id: str) -> Path:
        return self.root / "processed" / project_id

    def git_metadata(self, project_id: str) -> Path:
        return self.processed(project_id) / "git-metadata.json"

    def validation(self, project_id: str) -> Path:
        """`validation/<project>`: labels by people, one file for each kind and set."""
        return self.root / "validation" / project_id
