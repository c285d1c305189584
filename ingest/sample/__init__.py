"""The bundled sample: a synthetic project in the layouts of real ones, the same bytes and hashes on every machine.

A session is a module `session_<key>.py` with a function `tell(world, …)`; `history.py` puts sessions and other people's
commits in order. To add one, write such a module, call it there and update `tests/ingest/sample_expected.json`.
"""

from __future__ import annotations

from ingest.sample.secrets import planted_secrets
from ingest.sample.writing import SamplePaths, write_sample

__all__ = ["SamplePaths", "planted_secrets", "write_sample"]
