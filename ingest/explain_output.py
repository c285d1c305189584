"""How links and their evidence are shown on a terminal. Nothing of a log or a commit reaches it unless it is plain."""

from __future__ import annotations

from datetime import datetime

from ingest.correlation_evidence import Evidence, Explained, Rival
from ingest.correlations import Link
from ingest.explain import ChangedFile, CommitExplained, SessionExplained
from ingest.explaining.session_output import show_background, show_links, show_told
from ingest.terminal import many, number, show_heading, show_line, visible

TEXT_CELLS = 100
DETAIL_CELLS = 90
LINE_CELLS = 400
SHOWN_FILES = 10
SHOWN_EVIDENCE = 20
SHOWN_RIVALS = 2
# A shorter text may stand anywhere in a line.
DETAIL_LENGTH = 8
# Where the telling part of a log line begins, when what matched does not stand in it word for word.
LINE_STARTS = ('"message":', '"toolUseResult":', '"content":')

REASONS = {
    "merge": "a merge is linked to no session",
    "bot": "a bot wrote the commit",
    "revert": "a revert is linked to no session",
    "empty": "the commit changes nothing",
    "low_confidence": "the confidence is too low",
    "no_content": "neither identity nor content speaks for it, only its circumstances",
    "gate": "the links of this project failed the quality gate",
}


def show_commit(found: CommitExplained, *, whole: bool = False) -> None:
    """A commit, its files and its copies, then each candidate; `whole` leaves nothing out."""
    show_commit_head(found)
    policy = [word for word, holds in (("merge", found.is_merge), ("bot", found.is_bot)) if holds]
    if policy and found.unlinked_reason not in policy:
        show_line(f"  policy: {', '.join(REASONS[word] for word in policy)}", "yellow")
    if found.linked_session_id:
        sure = share(found.link_confidence)
        show_line(f"  linked to session {visible(found.linked_session_id)} (confidence {sure})", "green")
    else:
        show_line(f"  linked to no session: {reason(found.unlinked_reason)}", "yellow")
    show_family(found)
    show_files(found.files, whole=whole)
    if not found.candidates_in_all:
        show_line("No session is a candidate for this commit.", "yellow")
    for candidate in found.candidates:
        show_candidate(candidate, f"{number(candidate.link.link_rank)}. session", whole=whole)
    _show_rest(found.candidates_in_all - len(found.candidates), "candidate")


def show_commit_head(found: CommitExplained) -> None:
    """What the commit says of itself."""
    show_heading(f"commit {found.commit_sha}  {visible(found.subject, TEXT_CELLS)}")
    author = visible(found.author_name, TEXT_CELLS) or "unknown"
    email = visible(found.author_email, TEXT_CELLS)
    show_line(f"  project {found.project_id}, by {author}{f' <{email}>' if email else ''}")
    show_line(f"  written {moment(found.authored_at)}, committed {moment(found.committed_at)}")
    if found.source_ref:
        show_line(f"  on {visible(found.source_ref, TEXT_CELLS)}")


def show_family(found: CommitExplained) -> None:
    """The other commits with the same change."""
    if found.copy_of_sha:
        show_line(f"  a copy of {visible(found.copy_of_sha)}")
    for relative in found.family:
        what = "original" if relative.is_origin else "same change"
        show_line(f"  {what}: {visible(relative.commit_sha[:16])} {visible(relative.subject, TEXT_CELLS)}")


def show_session(found: SessionExplained, *, whole: bool = False) -> None:
    """A session: what it did, the commits that it is linked to, those that it was a candidate for, what is behind it.

    `whole` leaves nothing out; without it a commit is a line.
    """
    show_heading(f"session {visible(found.session_id)}  {visible(found.title, TEXT_CELLS)}")
    if found.asked_for != found.session_id:
        show_line(f"  {visible(found.asked_for)} is a part of it: the edits of subagents count for their session")
    show_line(f"  project {found.project_id}, {moment(found.started_at)} – {moment(found.ended_at)}")
    if found.git_branches:
        show_line(f"  branches {visible(found.git_branches, TEXT_CELLS)}")
    show_told(found.told, whole=whole)
    show_heading(f"{many(found.accepted_in_all, 'commit')} linked to it")
    _show_commits(found.accepted, whole=whole)
    _show_rest(found.accepted_in_all - len(found.accepted), "commit")
    show_heading(f"{many(found.near_misses_in_all, 'commit')} that it was a candidate for")
    _show_commits(found.near_misses, whole=whole)
    _show_rest(found.near_misses_in_all - len(found.near_misses), "commit")
    show_background(found.told, whole=whole)


def _show_commits(links: list[Explained], *, whole: bool) -> None:
    if not whole:
        show_links(links)
    for item in links if whole else ():
        show_candidate(item, "commit", whole=whole)


def show_candidate(found: Explained, title: str, *, whole: bool = False) -> None:
    """One link: what is said of it, the evidence for it, and what is missing or speaks against it.

    `title` ends in `session` or `commit`, which says what of the pair is named; the reader knows the other.
    """
    link = found.link
    if title.endswith("commit"):
        named, words, when = link.commit_sha, link.subject, moment(link.committed_at)
    else:
        named, words = link.session_id, link.title
        when = f"{moment(link.started_at)} – {moment(link.ended_at)}"
    show_heading(f"{title} {visible(named)}  {visible(words, TEXT_CELLS)}")
    show_line(f"  {when}")
    accepted = "accepted" if link.is_accepted else f"not accepted: {_rejection(link)}"
    show_line(
        f"  confidence {share(link.confidence)} ({visible(link.band) or 'no band'}), {accepted}",
        "green" if link.is_accepted else "yellow",
    )
    facts = [f"method {visible(link.method) or 'none'}", f"tier {number(link.tier)}", f"rank {number(link.link_rank)}"]
    show_line(f"  {', '.join([*facts, *pair_facts(link)])}")
    if found.supporting:
        show_evidence("for", found.supporting, whole=whole)
    else:
        show_line("    for: nothing", "yellow")
    show_evidence("against, or says nothing", [item for item in found.opposing if item.strength], whole=whole)
    show_missing(found)
    for rival in found.rivals if whole else found.rivals[:SHOWN_RIVALS]:
        show_line(f"    {_rival(rival)}", "dim")


def show_missing(found: Explained) -> None:
    """The kinds of evidence that could speak for the link, and of which there is nothing."""
    kinds = {kind.evidence_kind for kind in found.missing}
    # Nothing of what would speak against it is not missing.
    kinds |= {item.evidence_kind for item in found.opposing if not item.strength and (item.weight or 0) >= 0}
    if kinds:
        show_line(f"    missing: {', '.join(visible(kind) for kind in sorted(kinds))}", "dim")


def evidence_place(item: Evidence) -> str:
    """Where it comes from: `raw/my-app/sessions/x.jsonl:12 → src/a.py`; empty where nothing is known."""
    log = visible(item.log)
    line = f":{item.line_number}" if log and item.line_number is not None else ""
    parts = [f"{log}{line}", visible(item.path, TEXT_CELLS)]
    return " → ".join(part for part in parts if part)


def telling_part(line: str, detail: str | None, cells: int = LINE_CELLS) -> str:
    """The part of a log line that shows the match, cut: around `detail`, else from the message on."""
    is_telling = detail is not None and len(detail) >= DETAIL_LENGTH and detail in line
    begin = line.find(detail) - cells // 4 if detail and is_telling else -1
    if begin < 0:
        begin = next((index for start in LINE_STARTS if (index := line.find(start)) > 0), 0)
    begin = max(begin, 0)
    return ("…" if begin else "") + visible(line[begin:], cells)


def moment(at: datetime | None) -> str:
    """A time in UTC to the minute."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def share(value: float | None) -> str:
    """A confidence or a strength with two digits; what is not 1 is not rounded to it."""
    if value is None:
        return "–"
    return "0.99" if 0.99 <= value < 1 else f"{value:.2f}"


def reason(word: str | None) -> str:
    """Why a link is not accepted, in words."""
    return REASONS.get(word, visible(word.replace("_", " "))) if word else "no reason is given"


def _rejection(link: Link) -> str:
    text = reason(link.rejection_reason)
    if link.linked_session_id and link.linked_session_id != link.session_id:
        text += f"; the commit is linked to session {visible(link.linked_session_id)}"
    return text


def pair_facts(link: Link, *, with_verdict: bool = True) -> list[str]:
    """How much of the commit the session touched, and how long before it."""
    facts = []
    if link.commit_lines is not None:
        facts.append(f"{number(link.matched_lines or 0)} of {many(link.commit_lines, 'line')}")
    if link.commit_files is not None:
        facts.append(f"{number(link.matched_files or 0)} of {many(link.commit_files, 'file')}")
    if link.seconds_after_last_edit is not None:
        facts.append(f"committed {_span(link.seconds_after_last_edit)} its last edit")
    if link.is_copy:
        facts.append("evidence of a copy counts too")
    if link.is_in_sample and with_verdict:
        facts.append("the weights have seen its label")
    return facts


def _span(seconds: float) -> str:
    amount = abs(seconds)
    if amount < 90:
        text = f"{amount:.0f} s"
    elif amount < 5400:
        text = f"{amount / 60:.0f} min"
    elif amount < 172800:
        text = f"{amount / 3600:.0f} h"
    else:
        text = f"{amount / 86400:.0f} days"
    return f"{text} {'before' if seconds < 0 else 'after'}"


def show_files(files: list[ChangedFile], *, whole: bool = False) -> None:
    """The files of a commit; the first ones unless `whole`."""
    show_line(f"  {many(len(files), 'file')}")
    for file in files if whole else files[:SHOWN_FILES]:
        size = "binary" if file.is_binary else f"+{number(file.insertions or 0)} −{number(file.deletions or 0)}"
        agent = f", {number(file.agent_lines)} by an agent" if file.agent_lines else ""
        old = f" from {visible(file.old_path, TEXT_CELLS)}" if file.old_path else ""
        show_line(f"    {visible(file.status) or 'changed'} {visible(file.path, TEXT_CELLS)}{old} ({size}{agent})")
    if not whole and len(files) > SHOWN_FILES:
        show_line(f"    … and {many(len(files) - SHOWN_FILES, 'file')} more: --all")


def show_evidence(title: str, items: list[Evidence], *, whole: bool = False, with_verdict: bool = True) -> None:
    """Evidence rows under a title, each with its place; `with_verdict` False leaves out what each contributes."""
    if not items:
        return
    show_line(f"    {title}:")
    shown = items if whole else items[:SHOWN_EVIDENCE]
    width = max(len(item.evidence_kind) for item in shown)
    for item in shown:
        signed = "–" if item.contribution is None else f"{item.contribution:+.2f}"
        kind = visible(item.evidence_kind).ljust(width)
        start = f"{signed:>6}  {kind}" if with_verdict else kind
        show_line(f"      {start}  strength {share(item.strength)}  {visible(item.detail, DETAIL_CELLS)}".rstrip())
        place = evidence_place(item)
        if place:
            show_line(f"              {place}", "dim")
        if item.line is not None:
            show_line(f"              │ {telling_part(item.line, item.detail)}", "dim")
    if len(shown) < len(items):
        show_line(f"      … and {len(items) - len(shown)} more: --all")


def _rival(rival: Rival) -> str:
    kinds = ", ".join(
        f"{visible(more.evidence_kind)} ({more.theirs:+.2f}, here {more.ours:+.2f})" for more in rival.more
    )
    return f"session {visible(rival.session_id)} (confidence {share(rival.confidence)}) has more: {kinds}"


def _show_rest(count: int, noun: str) -> None:
    if count > 0:
        show_line(f"… and {many(count, noun)} more: --all, or --best N", "dim")
