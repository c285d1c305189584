"""Lines with secrets in every place, every escape and every kind of damage, mixed with lines that hold none."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.redaction.planted import assignments, contexts
from tests.redaction.planted.draw import Draw, Planted
from tests.redaction.planted.negatives import NEGATIVES
from tests.redaction.planted.places import PLACES, TOKEN_PLACES
from tests.redaction.planted.providers import CARRIERS, TOKENS, Maker
from tests.redaction.planted.writing import DAMAGES, ESCAPES

DAMAGED = 0.12  # share of the lines with secrets that are no valid JSON
Family = Callable[[Draw, int], Planted]


@dataclass(frozen=True)
class Line:
    """A line as it stands in a file (a damaged one may be several), what was planted, and where."""

    data: bytes
    secrets: tuple[str, ...]
    family: str
    place: str
    writing: str
    text: str


def _token(makers: tuple[Maker, ...], d: Draw, number: int) -> Planted:
    value = makers[number % len(makers)](d)
    if d.chance(0.25):
        return Planted(value, (value,), bare=True)
    return Planted(d.choice(CARRIERS).format(s=value), (value,))


def _context(makers: tuple[contexts.Context, ...], d: Draw, number: int) -> Planted:
    return makers[number % len(makers)](d)


FAMILIES: dict[str, Family] = {
    **{f"token: {name}": functools.partial(_token, makers) for name, makers in TOKENS.items()},
    **{name: functools.partial(_context, makers) for name, makers in contexts.CONTEXTS.items()},
    **{f"language: {name}": functools.partial(assignments.assignment, name) for name in assignments.LANGUAGES},
    "json in json": assignments.nested_json,
    "key block": contexts.pem,
}


def planted_line(family: str, d: Draw, number: int) -> Line:
    planted = FAMILIES[family](d, number)
    places = TOKEN_PLACES if planted.bare else PLACES
    place = d.choice(list(places))
    record = places[place](d, planted.text)
    writing = d.choice(list(ESCAPES))
    data = ESCAPES[writing](d, record)
    if d.chance(DAMAGED):
        damage = d.choice(list(DAMAGES))
        data = DAMAGES[damage](d, data, _end(data, planted))
        writing = damage
    if d.chance(0.1):
        data += b"\r"
    return Line(data, planted.secrets, family, place, writing, planted.text)


def _end(data: bytes, planted: Planted) -> int:
    """Where the last secret ends in the line; the line's end where escapes hide it."""
    ends = [at + len(s) for s in planted.secrets if (at := data.rfind(json.dumps(s)[1:-1].encode())) >= 0]
    return max(ends) if len(ends) == len(planted.secrets) else len(data)


def negative_line(kind: str, d: Draw, number: int) -> Line:
    makers = NEGATIVES[kind]
    text = makers[number % len(makers)](d)
    place = d.choice(list(PLACES))
    writing = d.choice(list(ESCAPES))
    return Line(ESCAPES[writing](d, PLACES[place](d, text)), (), kind, place, writing, text)


def corpus(seed: int, cases: int) -> list[Line]:
    """`cases` lines with secrets, every family as often as the others, and half as many (at least 500) without."""
    names, kinds = list(FAMILIES), _weighted_kinds()
    lines = [
        planted_line(
            names[n % len(names)], Draw(f"{seed}:{n}"), Draw(f"{seed}:number").number(0, 999) + n // len(names)
        )
        for n in range(cases)
    ]
    count = max(500, cases // 2)
    lines += [
        negative_line(kind, Draw(f"{seed}:negative:{n}"), number)
        for n, (kind, number) in enumerate((kinds * (count // len(kinds) + 1))[:count])
    ]
    Draw(f"{seed}:order").rng.shuffle(lines)
    return lines


def _weighted_kinds() -> list[tuple[str, int]]:
    """Every negative once, in an order that mixes the kinds."""
    kinds = [(kind, number) for kind, makers in NEGATIVES.items() for number in range(len(makers))]
    Draw("kinds").rng.shuffle(kinds)
    return kinds
