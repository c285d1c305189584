"""Versions of the JSON documents of a data directory: an older one is read as if this version had written it, a newer
one is refused. Only writing makes a file of the new version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ingest.errors import IngestError
from ingest.files import printable

VERSION_KEY = "schema_version"

# Makes a document of version n, by n, into one of version n + 1.
Upgrades = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]


def upgraded(document: Any, path: Path, current: int, upgrades: Upgrades) -> Any:
    """`document` (of the file `path`) in the shape of version `current`; what names no version is left as it is.

    Raises IngestError for a newer one.
    """
    version = document.get(VERSION_KEY) if isinstance(document, dict) else None
    if type(version) is not int:
        return document
    if version > current:
        raise IngestError(
            f"{printable(str(path))} has version {version}, and this program knows versions up to {current}: update "
            "the program; nothing was written."
        )
    while version in upgrades and version < current:
        document = {**upgrades[version](document), VERSION_KEY: version + 1}
        version += 1
    return document
