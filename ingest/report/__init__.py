"""The report: one self-contained HTML page from the marts.

`scope.py` says of what, `questions.py` asks `queries/*.sql`, `charts.py` draws the answers, `templates/` is the page,
`page.py` puts it together and `write.py` writes it.
"""

from __future__ import annotations

from ingest.report.scope import Scope
from ingest.report.write import FILE, Written, write_report

__all__ = ["FILE", "Scope", "Written", "write_report"]
