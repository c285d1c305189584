"""`data/validation/low_confidence.jsonl`: the links that are most in doubt, one JSON line each, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from ingest.correlation_evidence import Evidence, Explained, explain_links
from ingest.correlations import opened_marts, read_links
from ingest.errors import IngestError
from ingest.files import write_atomically
from ingest.link_labels import labelled_pairs
from ingest.paths import DataDir

# Links are in doubt from the first confidence on and below the second.
LOWEST, HIGHEST = 0.3, 0.7


@dataclass(frozen=True)
class LowConfidence:
    """What was written: links by project, how many of them a person has labelled, and where."""

    path: str
    links: dict[str, int]
    labelled: int


def write_low_confidence(data: DataDir, *, lowest: float = LOWEST, highest: float = HIGHEST) -> LowConfidence:
    """Write the links of all projects with `lowest` <= confidence < `highest`, in the place of those of last time.

    Raises IngestError for bounds that leave nothing between them, as `opened_marts`, and where the disk refuses.
    """
    if not 0 <= lowest < highest <= 1:
        raise IngestError(
            f"Nothing lies between {lowest} and {highest}: give 0 ≤ --from < --to ≤ 1, such as {LOWEST} and {HIGHEST}."
        )
    with opened_marts(data) as connection:
        links = read_links(connection, "link.confidence >= ? and link.confidence < ?", [lowest, highest])
        explained = explain_links(connection, links, with_rivals=False)
    counts: dict[str, int] = {}
    labels = {project_id: labelled_pairs(data, project_id) for project_id in {link.project_id for link in links}}
    lines, labelled = [], 0
    for found in explained:
        link = found.link
        label = labels[link.project_id].get((link.session_id, link.commit_sha))
        labelled += label is not None
        counts[link.project_id] = counts.get(link.project_id, 0) + 1
        lines.append(orjson.dumps(_line(found, label), default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC))
    write_atomically(data.low_confidence, b"".join(line + b"\n" for line in lines))
    return LowConfidence(str(data.low_confidence), counts, labelled)


def _line(found: Explained, label: str | None) -> dict[str, Any]:
    link = found.link
    return {
        "project_id": link.project_id,
        "session_id": link.session_id,
        "commit_sha": link.commit_sha,
        "subject": link.subject,
        "title": link.title,
        "committed_at": link.committed_at,
        "confidence": link.confidence,
        "band": link.band,
        "link_rank": link.link_rank,
        "is_accepted": link.is_accepted,
        "rejection_reason": link.rejection_reason,
        "method": link.method,
        "matched_lines": link.matched_lines,
        "commit_lines": link.commit_lines,
        "matched_files": link.matched_files,
        "commit_files": link.commit_files,
        "seconds_after_last_edit": link.seconds_after_last_edit,
        "label": label,
        "evidence": [_evidence(item) for item in (*found.supporting, *found.opposing)],
        "missing": [kind.evidence_kind for kind in found.missing],
    }


def _evidence(item: Evidence) -> dict[str, Any]:
    return {
        "evidence_kind": item.evidence_kind,
        "strength": item.strength,
        "contribution": item.contribution,
        "detail": item.detail,
        "path": item.path,
        "log": item.log,
        "line_number": item.line_number,
    }
