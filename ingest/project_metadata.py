"""`data/raw/<project>/metadata.json`: what a project is, so that its archive can be read on its own."""

from __future__ import annotations

import json
from typing import Any

from ingest.files import write_atomically
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.registry import Project

METADATA_VERSION = 1


def write_metadata(data: DataDir, project: Project) -> None:
    """Write `data/raw/<project>/metadata.json`: what the project is, so that the archive can be read on its own."""
    entries = read_manifest(data.manifest(project.project_id)).values()
    transcripts = [entry for entry in entries if entry.kind == "transcript" and entry.cold is None]
    document: dict[str, Any] = {
        "schema_version": METADATA_VERSION,
        "project_id": project.project_id,
        "name": project.name,
        "repository": project.repository or project.remote,
        "repository_paths": list(project.repository_paths),
        "session_directories": list(project.session_directories),
        "git_metadata": project.git_metadata,
        "instrumentation_tier": project.instrumentation_tier,
        "added_at": project.added_at,
        "since": project.since,
        "notes": project.notes,
        "transcripts": len(transcripts),
        "archived_bytes": sum(entry.archived_bytes for entry in transcripts),
        "archived_lines": sum(entry.archived_lines for entry in transcripts),
    }
    content = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    path = data.metadata(project.project_id)
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)
