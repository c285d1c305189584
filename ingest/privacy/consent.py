"""Consent to shared exports: who allowed or forbade them, when, and for which projects.

`consent.json` of the data directory holds every decision; the last one counts, and none is ever taken out. A file that
cannot be read allows nothing.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson

from ingest import __version__
from ingest.errors import IngestError
from ingest.files import open_regular, write_atomically
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.registry import load_projects
from ingest.runlog import new_run_id, now, step

NOT_CONFIGURED, DISABLED, ENABLED = "not configured", "disabled", "enabled"
CONSENT_VERSION = 1
MAX_NAME = 200

_NAME = re.compile(r"[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*")


@dataclass(frozen=True)
class Decision:
    """`state` is enabled or disabled; `at` is UTC, ISO 8601; `projects` are ids, none for all of them."""

    state: str
    at: str
    by: str
    projects: tuple[str, ...]
    ope_version: str


@dataclass(frozen=True)
class Consent:
    """Every decision, the oldest first."""

    history: tuple[Decision, ...] = ()

    @property
    def last(self) -> Decision | None:
        return self.history[-1] if self.history else None

    @property
    def state(self) -> str:
        return self.last.state if self.last else NOT_CONFIGURED

    @property
    def sentence(self) -> str:
        """What holds now, and since when."""
        if self.last is None:
            return "Shared exports: not configured, so nothing may be shared."
        of = f" of {', '.join(self.last.projects)}" if self.last.projects else ""
        return f"Shared exports{of}: {self.state} by {self.last.by}, {self.last.at} (UTC)."


def read_consent(data: DataDir) -> Consent:
    """What was decided so far. Raises IngestError where the file is there and cannot be read."""
    try:
        descriptor, _ = open_regular(data.consent)
        with os.fdopen(descriptor, "rb") as file:
            document = orjson.loads(file.read())
        if document["consent_version"] != CONSENT_VERSION:
            raise ValueError(f"version {document['consent_version']}")
        return Consent(tuple(_decision(entry) for entry in document["history"]))
    except FileNotFoundError:
        return Consent()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IngestError(
            f"{data.consent} cannot be read ({error}), so nothing may be shared: restore it from a backup, or move it "
            "away and decide anew."
        ) from error


def decide(data: DataDir, state: str, by: str | None = None, projects: Sequence[str] = ()) -> tuple[Consent, bool]:
    """Allow or forbid shared exports; what holds then, and whether that is new (the same decision is not noted twice).

    `by` is whoever is logged in where nobody is named; `projects` are ids, none for all. Raises IngestError for an
    unknown project or a name that is none, and where the disk refuses.
    """
    who = (_login() if by is None else by).strip()
    if not _NAME.fullmatch(who) or len(who) > MAX_NAME:
        raise IngestError(
            f"Nobody is named who decides: give a name of one line, up to {MAX_NAME} characters, as --by."
        )
    known = {project.project_id for project in load_projects(data)}
    unknown = sorted(set(projects) - known)
    if unknown:
        raise IngestError(f"No project {unknown[0]!r} is registered: `python -m ingest projects` shows the ids.")
    with data_lock(data, "consent"):
        consent = read_consent(data)
        chosen = tuple(sorted(set(projects)))
        if consent.last and (consent.last.state, consent.last.by, consent.last.projects) == (state, who, chosen):
            return consent, False
        with step(data, new_run_id(), "consent") as counts:
            decision = Decision(state, f"{now():%Y-%m-%dT%H:%M:%SZ}", who, chosen, __version__)
            consent = Consent((*consent.history, decision))
            write_consent(data, consent)
            counts.update(decisions=len(consent.history), enabled=int(state == ENABLED))
    return consent, True


def require_consent(data: DataDir, projects: Sequence[str] = ()) -> tuple[Decision, tuple[str, ...]]:
    """The decision that allows to share these projects (none: all that it allows), and which those are.

    Raises IngestError, in one sentence, where nothing or not all of it is allowed.
    """
    consent = read_consent(data)
    if consent.last is None or consent.state != ENABLED:
        raise IngestError(
            f"Nothing was shared, because consent is {consent.state}: look at `python -m ingest share --preview`, then "
            "decide with `python -m ingest consent --enable`."
        )
    beyond = sorted(set(projects) - set(consent.last.projects)) if consent.last.projects else []
    if beyond:
        raise IngestError(
            f"Nothing was shared, because consent holds for {', '.join(consent.last.projects)} and not for "
            f"{', '.join(beyond)}: leave that out, or decide anew with `python -m ingest consent --enable`."
        )
    return consent.last, tuple(sorted(set(projects))) or consent.last.projects


def write_consent(data: DataDir, consent: Consent) -> None:
    """Write every decision anew. Raises IngestError where the disk refuses."""
    document = {"consent_version": CONSENT_VERSION, "history": [asdict(entry) for entry in consent.history]}
    write_atomically(data.consent, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _decision(entry: dict[str, object]) -> Decision:
    state, projects = entry["state"], entry["projects"]
    if state not in (ENABLED, DISABLED) or not isinstance(projects, list):
        raise ValueError("a decision is no decision")
    texts = [entry["at"], entry["by"], entry["ope_version"], *projects]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a decision is no decision")
    return Decision(str(state), str(entry["at"]), str(entry["by"]), tuple(projects), str(entry["ope_version"]))


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
