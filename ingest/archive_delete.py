"""All files of a project out of the data directory."""

from __future__ import annotations

import shutil

from ingest.below import remove_below
from ingest.cold.part import stored_files
from ingest.cold.union import write_union
from ingest.files import disk_errors
from ingest.paths import DataDir


def delete_archive(data: DataDir, project_id: str) -> None:
    """Delete all files of a project, in cold storage too; of a link the link. Raises IngestError, may be repeated."""
    for path in data.project_places(project_id):
        with disk_errors(path):
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)
    cold = stored_files(data, project_id)
    for stored in cold:
        remove_below(data.archived, stored)
    if cold:
        write_union(data)
