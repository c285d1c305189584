"""Asking a person about links: what is shown, what may be typed, and what comes of it.

What the marts think of a pair is not shown: a label must not be the echo of what it is to measure.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable

from ingest.correlation_evidence import Explained
from ingest.correlations import Link
from ingest.errors import IngestError
from ingest.explain_output import (
    TEXT_CELLS,
    moment,
    pair_facts,
    show_commit_head,
    show_evidence,
    show_files,
    show_missing,
)
from ingest.labelling import Question, Sample, candidate_named, save_answer
from ingest.link_labels import NO, UNDECIDED, YES
from ingest.terminal import many, number, show_heading, show_line, show_table, visible

CHOICES = "yes / no / another / don't know / skip / quit"
# What may be typed → what it means; each may be cut to its first letter.
WORDS = {"yes": YES, "no": NO, "another": "another", "don't know": UNDECIDED, "skip": "skip", "quit": "quit"}
SHOWN_OTHERS = 20

# Shows a prompt and returns what was typed, None at the end of the input.
Ask = Callable[[str], "str | None"]


def show_sample(sample: Sample) -> None:
    """The strata of a sample, and what is left to ask."""
    show_table(
        ("band", "method", "pairs", "in the sample", "labelled"),
        [
            (
                visible(stratum.band),
                visible(stratum.method),
                number(stratum.pairs),
                number(stratum.sampled),
                number(stratum.labelled),
            )
            for stratum in sample.strata
        ],
        right=("pairs", "in the sample", "labelled"),
    )
    if sample.unusable:
        show_line(f"{many(sample.unusable, 'pair')} left out: no label can name a session id with blanks", "yellow")
    show_line(f"{many(len(sample.questions), 'link')} to judge, for {sample.path}")


def ask_questions(sample: Sample, ask: Ask, *, labelled_by: str, answers: Counter[str]) -> None:
    """Ask one question after the other; each answer is in the truth file before the next is asked.

    `answers` counts them as they come, for whoever is interrupted. Raises IngestError where the disk refuses.
    """
    answered = set()
    for index, question in enumerate(sample.questions, 1):
        pair = question.pair.link.pair
        if pair in answered:
            continue  # named as "another" one before
        show_question(question, f"{index} of {len(sample.questions)}", sample.repository)
        while True:
            word = meaning(ask(f"{CHOICES}: "))
            if word is None:
                show_line(f"Type one of: {CHOICES}, or its first letter.", "yellow")
                continue
            if word == "quit":
                return
            if word == "skip":
                break
            other = None
            if word == "another":
                other = ask_other(question, ask)
                if other is None:
                    continue
                answered.add(other.pair)
            label = NO if other else word
            named = other.session_id if other else None
            save_answer(sample, question, label, labelled_by=labelled_by, other=named)
            answers[word] += 1
            break


def ask_other(question: Question, ask: Ask) -> Link | None:
    """Which other candidate wrote the commit; None where nothing is typed, or nobody is left to type."""
    if not question.others:
        show_line("This commit has no other candidate: answer no.", "yellow")
        return None
    while True:
        typed = ask("id of the other session, or its beginning (empty: back): ")
        if not typed:
            return None
        try:
            return candidate_named(question, typed)
        except IngestError as error:
            show_line(str(error), "yellow")


def meaning(typed: str | None) -> str | None:
    """What an answer means: a label, `another`, `skip` or `quit` (also at the end of the input); None: nothing."""
    if typed is None:
        return "quit"
    text = " ".join(typed.lower().replace("’", "'").split())
    if not text:
        return None
    return next((word for name, word in WORDS.items() if text in (name, name[0])), None)


def show_question(question: Question, progress: str, repository: str | None) -> None:
    """A pair to judge: the commit, the session, the evidence, and the other candidates."""
    show_line("")
    show_line(f"{progress}  ".ljust(60, "─"), "cyan")
    show_commit_head(question.commit)
    show_files(question.commit.files)
    if repository:
        show_line(f"  git -C {visible(shlex.quote(repository))} show {question.commit.commit_sha}", "dim")
    show_line("")
    _show_pair(question.pair)
    if question.others:
        show_line(f"    other candidates: {number(len(question.others))}")
        for other in question.others[:SHOWN_OTHERS]:
            words = visible(other.title, TEXT_CELLS)
            show_line(f"      {visible(other.session_id)}  {moment(other.started_at)}  {words}".rstrip(), "dim")
        if len(question.others) > SHOWN_OTHERS:
            show_line(f"      … and {len(question.others) - SHOWN_OTHERS} more", "dim")
    show_line("")
    show_line("Did this session write the commit, or a part of it?", "bold")


def show_answers(sample: Sample, answers: Counter[str]) -> None:
    """What was labelled, where it stands, and how it comes into the figures."""
    asked = {YES: "yes", NO: "no", "another": "another", UNDECIDED: "don't know"}
    counts = ", ".join(f"{text} {answers[word]}" for word, text in asked.items() if answers[word])
    show_line(f"{many(sum(answers.values()), 'answer')} saved in {sample.path}{f' ({counts})' if counts else ''}")
    if answers:
        show_line("→ python -m ingest sync && dbt build   brings them into correlation_quality", "cyan")


def _show_pair(pair: Explained) -> None:
    link = pair.link
    show_heading(f"session {visible(link.session_id)}  {visible(link.title, TEXT_CELLS)}")
    show_line(f"  {moment(link.started_at)} – {moment(link.ended_at)}")
    facts = pair_facts(link, with_verdict=False)
    if facts:
        show_line(f"  {', '.join(facts)}")
    items = [item for item in (*pair.supporting, *pair.opposing) if item.strength]
    show_evidence("evidence", items, with_verdict=False)
    show_missing(pair)
