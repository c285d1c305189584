"""The planted corpus: what the engine finds of it and keeps of the rest, for one seed; `score.py` runs any other."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from ingest.redaction.rules import expand_example
from tests.redaction.helpers import KEY, REDACTOR
from tests.redaction.planted.corpus import FAMILIES, Line, corpus
from tests.redaction.score import Score, judge, leftover, run, wilson

SEED = 20260105
CASES = 740


@pytest.mark.slow
def test_recall_and_what_is_kept() -> None:
    score = run(SEED, CASES, REDACTOR)
    assert len(FAMILIES) >= 60
    assert score.total == CASES
    assert score.negatives >= 500
    missed = Counter((line.family, line.place, line.writing) for line, _ in score.missed)
    assert score.recall >= 0.99, missed
    assert score.kept_share >= 0.995, [line.text for line, _ in score.changed]
    assert (score.broken_json, score.wrong_line_counts, score.unsettled) == (0, 0, 0)
    assert score.json_lines > CASES


def test_the_corpus_has_all_places_and_is_repeatable() -> None:
    lines = corpus(1, CASES)
    assert lines == corpus(1, CASES)
    assert lines != corpus(2, CASES)
    with_secrets = [line for line in lines if line.secrets]
    assert {line.family for line in with_secrets} == set(FAMILIES)
    assert len({line.place for line in with_secrets}) >= 40
    assert len({line.writing for line in with_secrets}) >= 20


def test_the_scorer_sees_what_is_left() -> None:
    secret = expand_example("{{alnum:24}}", 1)[0]
    nested = json.dumps({"a": json.dumps({"b": secret})}).encode()
    escaped = "".join(f"\\u{ord(character):04x}" for character in secret[4:14]).encode()
    for output in (secret.encode(), secret[:8].encode(), secret[-8:].encode(), nested, escaped):
        assert leftover(secret, output)
    for output in (b"", secret[:7].encode(), b"[REDACTED:other:ABCDEFGHIJKLMNOP]"):
        assert not leftover(secret, output)


def test_the_scorer_counts_faults() -> None:
    class Faulty:
        def redact_jsonl(self, data: bytes) -> tuple[bytes, list[object]]:
            return data.replace(b'"kept"', b'"kept'), []

    score = Score()
    planted = Line(b'{"a":"' + KEY.hex().encode() + b'"}', (KEY.hex(),), "f", "p", "w", "t")
    judge(Faulty(), [planted, Line(b'{"b":"kept"}', (), "n", "p", "w", "t")], score)
    assert (score.recall, score.kept_share, score.broken_json) == (0, 0, 1)
    assert len(score.missed) == len(score.changed) == 1


def test_the_interval_of_a_share() -> None:
    low, high = wilson(99, 100)
    assert (round(low, 4), round(high, 4)) == (0.9455, 0.9982)
    assert wilson(0, 0) == (0.0, 1.0)
