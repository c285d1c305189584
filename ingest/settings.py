"""The variables of `dbt_project.yml` that the ingester reads: one place for what a person may want to tune."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT

PROJECT_FILE = PRODUCT_ROOT / "dbt_project.yml"


def setting(name: str, project_file: Path = PROJECT_FILE) -> Any:
    """The value of variable `name`. Raises IngestError where the file cannot be read or does not have it."""
    variables = _variables(project_file)
    if name not in variables:
        raise IngestError(f"{project_file} has no variable {name!r}: put it back below `vars`.")
    return variables[name]


@cache
def _variables(project_file: Path) -> dict[str, Any]:
    try:
        document = yaml.load(project_file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return dict(document["vars"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise IngestError(f"The variables of {project_file} cannot be read ({error}): mend the file.") from error
