"""`python -m ingest.sample DIR` writes the bundled sample to a directory."""

from __future__ import annotations

import sys
from pathlib import Path

from ingest.errors import IngestError
from ingest.sample import write_sample


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m ingest.sample DIR", file=sys.stderr)
        return 2
    try:
        paths = write_sample(Path(arguments[0]))
    except IngestError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"sessions    {paths.projects}")
    print(f"repository  {paths.repository}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
