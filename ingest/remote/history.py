"""A repository on another machine → `git-metadata.json`; of the repository itself nothing stays on this disk.

Each run asks for the refs first. Where they are as before, nothing is fetched; where they are not, the commits of the
last days and the files that new ones changed. What was read earlier is known from the file itself. Where the new
commits do not join on to it (a branch that was pushed late), or all must be read again, the whole clone is made anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from ingest.git_diff import DiffRequest, contents_of
from ingest.git_graph import Refs, read_graph, read_refs
from ingest.git_history import DAMAGED, UNREADABLE, HistoryResult, extract_history, reading, start_of
from ingest.git_store import opened_store, read_problems, read_state, write_state
from ingest.git_stream import missing_objects, opened
from ingest.progress import Progress, labelled
from ingest.redaction import Redactor
from ingest.remote.address import Address
from ingest.remote.clone import Listing, cut_at, fetch_commits, fetch_content, list_refs, make_clone, scratch
from ingest.remote.transport import RemoteError
from ingest.settings import setting


@dataclass(frozen=True)
class _Known:
    """What earlier runs read: commits in the file, those of them where the history is cut, and tips from before it."""

    commits: frozenset[str]
    cut: frozenset[str]
    outside: frozenset[str]
    fetched_on: date


def remote_history(
    address: Address, output: Path, redactor: Redactor, *, since: date | None, report: Progress | None = None
) -> HistoryResult:
    """Bring `output` up to date with the branches and tags at `address`; commits before `since` (UTC) are left out.

    Commits that it no longer has stay, as unreachable. Raises IngestError, with the output as it was, where it cannot
    be fetched.
    """
    with scratch(output) as place:
        today = datetime.now(timezone.utc).date()
        listing = list_refs(place, address)
        state = read_state(output)
        seen = f"{address.url} {since} {reading(redactor)} {listing.fingerprint}"
        if state.get("remote") == seen:
            kept = [problem for _, problem in read_problems(output)]
            return HistoryResult(state["commits"], 0, state["unreachable"], 0, kept)
        known = _known(output, f"{address.url} {since} {reading(redactor)}")
        clone = place / "clone"
        refs = None
        if known is not None:
            refs = _fetch_new(clone, address, listing, known, since, redactor, report)
        if refs is None:
            refs = _fetch_all(clone, address, listing, since, redactor, report)
        result = extract_history(clone, output, redactor, since=since, progress=labelled(report, "history"), refs=refs)
        state = {key: value for key, value in read_state(output).items() if key not in ("version", "output_bytes")}
        write_state(output, **state | {"remote": seen, "fetched_on": today.isoformat()})
    return result


def _known(output: Path, source: str) -> _Known | None:
    """What can be built upon; None where everything has to be read."""
    state = read_state(output)
    if not str(state.get("remote", "")).startswith(f"{source} "):
        return None
    if any(problem.reason in (DAMAGED, UNREADABLE) for _, problem in read_problems(output)):
        return None
    with opened_store(output) as store:
        commits = frozenset(store.entries)
        cut = frozenset(sha for sha, entry in store.entries.items() if entry.is_boundary)
    return _Known(commits, cut, frozenset(state.get("outside", ())), date.fromisoformat(state["fetched_on"]))


def _fetch_new(
    clone: Path,
    address: Address,
    listing: Listing,
    known: _Known,
    since: date | None,
    redactor: Redactor,
    report: Progress | None,
) -> Refs | None:
    """Fetch what joins on to the commits that are known; None where it does not."""
    make_clone(clone, listing)
    names = [name for name, target in listing.refs if target not in known.commits | known.outside]
    if names:
        start = max(since or date.min, known.fetched_on - timedelta(days=setting("remote_fetch_margin_days")))
        if not fetch_commits(clone, address, names=names, since=start, progress=labelled(report, "fetch")):
            return None
        if not cut_at(clone) <= known.commits:
            return None
        try:
            _fetch_files(clone, address, known.commits, since, redactor, report)
        except RemoteError:
            return None
    return Refs(tips=list(listing.refs), shallow=cut_at(clone) | known.cut)


def _fetch_all(
    clone: Path, address: Address, listing: Listing, since: date | None, redactor: Redactor, report: Progress | None
) -> Refs:
    """Fetch everything since the day; all files too where the other side does not give them one by one."""
    for is_filtered in (True, False):
        make_clone(clone, listing)
        if not listing.refs:
            break
        fetch_commits(clone, address, since=since, is_filtered=is_filtered, progress=labelled(report, "fetch"))
        try:
            _fetch_files(clone, address, frozenset(), since, redactor, report)
            break
        except RemoteError:
            if not is_filtered:
                raise
    return Refs(tips=list(listing.refs), shallow=cut_at(clone))


def _fetch_files(
    clone: Path,
    address: Address,
    known: frozenset[str],
    since: date | None,
    redactor: Redactor,
    report: Progress | None,
) -> None:
    """Fetch the files whose lines will be looked at: those of commits that are new, not cut and not too old."""
    first = start_of(since)
    cut = cut_at(clone)
    with opened(clone) as repository:
        graph, _ = read_graph(repository, read_refs(repository))
        requests = [
            DiffRequest(sha, parents[0] if parents else None)
            for sha, (seconds, parents) in graph.commits.items()
            if sha not in known and sha not in cut and seconds >= first
        ]
        wanted = missing_objects(repository, sorted(contents_of(repository, requests, redactor)))
    fetch_content(clone, address, wanted, labelled(report, "fetch files"))
