"""How much of a planted corpus the engine finds, and how much of the rest it leaves alone.

    python -m tests.redaction.score [--seed N] [--seeds N] [--cases N]

A secret counts as found only when no piece of 8 characters of it is left in the output, however it is escaped. A
negative counts as kept only when its line comes back byte for byte. Also counted: lines that were JSON and are not any
more, data whose number of lines changed, and data that a second pass changes.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.redaction import Redactor
from tests.redaction.planted.corpus import Line, corpus

PIECE = 8
KEY = bytes(range(32))
Z95 = 1.959964
_MARK = re.compile(r"\[REDACTED:[a-z0-9_]+:[A-Z2-7]{16}\]")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's score)."""
    if not total:
        return 0.0, 1.0
    share, z2 = hits / total, Z95 * Z95
    middle = share + z2 / (2 * total)
    half = Z95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return (middle - half) / (1 + z2 / total), (middle + half) / (1 + z2 / total)


def _views(output: bytes) -> Iterator[str]:
    """The output as it stands, and under one to nine layers of escapes."""
    text = _MARK.sub("\0", output.decode("utf-8", "replace"))
    yield text
    for _ in range(9):
        plain = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _SIMPLE.get(m[2], m[2]), text)
        if plain == text:
            return
        yield plain
        text = plain


def leftover(secret: str, output: bytes) -> str:
    """The first piece of the secret that is left in the output; empty if none is."""
    size = min(PIECE, len(secret))
    pieces = {secret[at : at + size] for at in range(len(secret) - size + 1)}
    for view in _views(output):
        for piece in pieces:
            if piece in view:
                return piece
    return ""


def is_json(data: bytes) -> bool:
    try:
        json.loads(data.decode("utf-8"))
    except ValueError:
        return False
    return True


@dataclass
class Score:
    """Counts over all lines; `missed` and `changed` hold what to look at."""

    found: Counter[tuple[str, str]] = field(default_factory=Counter)  # by (measure, name)
    planted: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: list[tuple[Line, str]] = field(default_factory=list)
    kept: int = 0
    negatives: int = 0
    changed: list[tuple[Line, bytes]] = field(default_factory=list)
    broken_json: int = 0
    json_lines: int = 0
    wrong_line_counts: int = 0
    unsettled: int = 0
    documents: int = 0

    @property
    def recall(self) -> float:
        return sum(n for (m, _), n in self.found.items() if m == "family") / self.total

    @property
    def total(self) -> int:
        return sum(n for (m, _), n in self.planted.items() if m == "family")

    @property
    def kept_share(self) -> float:
        return self.kept / self.negatives


def judge(redactor: Redactor, lines: list[Line], score: Score) -> None:
    """One document of all the lines, as an archive file is; every line is then judged on its own."""
    data = b"\n".join(line.data for line in lines)
    result, _ = redactor.redact_jsonl(data)
    score.documents += 1
    score.unsettled += redactor.redact_jsonl(result) != (result, [])
    before, after = data.split(b"\n"), result.split(b"\n")
    if len(before) != len(after):
        score.wrong_line_counts += 1
        return
    for old, new in zip(before, after, strict=True):
        if is_json(old):
            score.json_lines += 1
            score.broken_json += not is_json(new)
    at = 0
    for line in lines:
        count = line.data.count(b"\n") + 1
        output = b"\n".join(after[at : at + count])
        at += count
        if not line.secrets:
            score.negatives += 1
            score.kept += output == line.data
            if output != line.data:
                score.changed.append((line, output))
            continue
        left = next(filter(None, (leftover(secret, output) for secret in line.secrets)), "")
        for key in (("family", line.family), ("place", line.place), ("escapes", line.writing)):
            score.planted[key] += 1
            score.found[key] += not left
        if left:
            score.missed.append((line, left))


def run(seed: int, cases: int, redactor: Redactor | None = None, per_document: int = 40) -> Score:
    """`cases` lines with secrets and half as many without, in documents of some lines each."""
    redactor = redactor or Redactor.load(KEY)
    score = Score()
    lines = corpus(seed, cases)
    for start in range(0, len(lines), per_document):
        judge(redactor, lines[start : start + per_document], score)
    return score


def _percent(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{part}/{whole} = {part / max(1, whole):.4f} (95 %: {low:.4f}–{high:.4f})"


def show(score: Score, *, details: bool) -> None:
    """Prints the table. A missed value is drawn at random, so it may be shown."""
    found = sum(n for (m, _), n in score.found.items() if m == "family")
    for measure in ("family", "place", "escapes"):
        names = sorted(name for m, name in score.planted if m == measure)
        bad = [name for name in names if score.found[measure, name] < score.planted[measure, name]]
        print(f"{measure}: {len(names)}, {len(bad)} of them with a miss")
        for name in bad:
            print(f"  {name:<28} {score.found[measure, name]}/{score.planted[measure, name]}")
    if details:
        for line, piece in score.missed:
            print(f"MISSED {line.family} | {line.place} | {line.writing} | {piece!r} | {line.text[:300]!r}")
        for line, output in score.changed:
            marks = re.findall(rb".{0,60}\[REDACTED:[a-z0-9_]+", output, re.DOTALL)[:2]
            print(f"CHANGED {line.family} | {line.place} | {line.text[:200]!r} | {marks}")
    print(f"recall    {_percent(found, score.total)}")
    print(f"kept      {_percent(score.kept, score.negatives)}")
    print(f"JSON      {score.json_lines - score.broken_json}/{score.json_lines} lines stayed valid")
    print(
        f"documents {score.documents}: {score.wrong_line_counts} with another line count, {score.unsettled} unsettled"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.redaction.score", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after another")
    parser.add_argument("--cases", type=int, default=4000, help="lines with secrets per seed")
    parser.add_argument("--misses", action="store_true", help="print every miss and every changed negative")
    options = parser.parse_args()
    redactor = Redactor.load(KEY)
    for seed in range(options.seed, options.seed + options.seeds):
        print(f"seed {seed}")
        show(run(seed, options.cases, redactor), details=options.misses)


if __name__ == "__main__":
    main()
