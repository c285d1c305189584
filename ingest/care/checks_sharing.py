"""Check of what may leave the data directory."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.care.findings import ERROR, OK, Finding, Patient
from ingest.errors import IngestError
from ingest.privacy.consent import read_consent


def check_consent(patient: Patient) -> Iterator[Finding]:
    """Can the decisions about shared exports be read, and what holds?"""
    try:
        yield Finding("consent", OK, read_consent(patient.data).sentence)
    except IngestError as error:
        yield Finding("consent", ERROR, str(error), "Restore consent.json, or move it away and decide anew.")
