"""Random values in the alphabets that the providers' documentation names. Nothing here reads the rule file."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
BASE32 = string.ascii_uppercase + "234567"
BASE64 = ALNUM + "+/"
URLSAFE = ALNUM + "-_"
WORDS = (
    "harbor", "violet", "granite", "lantern", "meadow", "copper", "falcon", "winter", "orchid", "timber", "saddle",
    "quartz", "ember", "cobalt", "juniper", "marble", "raven", "willow", "zephyr", "canyon", "basil", "pepper",
)  # fmt: skip
HOSTS = ("db.corp.internal", "pg-primary.acme.net", "10.20.30.40", "localhost", "cache01", "mongo.prod.acme.io")
USERS = ("app", "svc_deploy", "robot", "root", "acme-admin", "reporting", "jdoe")


@dataclass(frozen=True)
class Planted:
    """A text as a person or a tool would write it, and the secret values in it, as written without any escapes.

    `bare` says that the text is nothing but a token that its own form gives away, so that it may stand anywhere.
    """

    text: str
    secrets: tuple[str, ...]
    bare: bool = False


class Draw:
    """A source of random values; the same seed draws the same."""

    def __init__(self, seed: object) -> None:
        self.rng = random.Random(str(seed))

    def of(self, alphabet: str, length: int) -> str:
        """Begins and ends with a letter or digit, as a value does that a person selects with a double click."""
        edges = [c for c in alphabet if c.isalnum()]
        inner = "".join(self.rng.choice(alphabet) for _ in range(max(0, length - 2)))
        return (self.rng.choice(edges) + inner + self.rng.choice(edges))[:length]

    def hex(self, length: int) -> str:
        return self.of("0123456789abcdef", length)

    def alnum(self, length: int) -> str:
        return self.of(ALNUM, length)

    def upper(self, length: int) -> str:
        return self.of(UPPER, length)

    def lower(self, length: int) -> str:
        return self.of(LOWER, length)

    def digits(self, length: int) -> str:
        return self.of("123456789", 1) + self.of(string.digits, length - 1)

    def base32(self, length: int) -> str:
        return self.of(BASE32, length)

    def base64(self, length: int) -> str:
        return self.of(BASE64, length)

    def urlsafe(self, length: int) -> str:
        return self.of(URLSAFE, length)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def number(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)

    def choice(self, options: Sequence[T]) -> T:
        return self.rng.choice(options)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def word(self) -> str:
        return self.choice(WORDS)

    def host(self) -> str:
        return self.choice(HOSTS)

    def user(self) -> str:
        return self.choice(USERS)

    def password(self, symbols: str = "!#%^*+?~=._-") -> str:
        """Of a password manager, or of a person: words with numbers and a symbol."""
        if self.chance(0.25):
            parts = [self.word().capitalize(), self.word().capitalize(), str(self.number(10, 9999))]
            return self.choice([s for s in symbols if s in "!?._-"] or ["X"]).join(parts)
        while True:
            length = self.number(12, 24)
            value = self.of(ALNUM + symbols, length)
            if any(c.isdigit() for c in value) and any(c.isupper() for c in value) and any(c.islower() for c in value):
                return value

    def plain_password(self) -> str:
        """Letters and digits only, for places where symbols have a meaning."""
        return self.password("")
