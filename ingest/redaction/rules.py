"""The redaction rules: read, checked and compiled from `seeds/privacy/redaction_rules.csv`.

Six kinds of rows, all in RE2 syntax over UTF-8 bytes:

- `token`: a value that is recognised by its own form; the secret is the named group `secret`.
- `context`: a value that is recognised by what stands around it (URL, header, client file); group `secret`.
- `key`: the end of a name whose value is a secret (`password`, `api_key`), matched without regard to case.
- `syntax`: how source code and configuration assign a value to such a name; `{{key}}` stands for all keys, and the
  prefilter (if it does not say `{{key}}` itself) is what may follow the name.
- `escape`: no pattern; its prefilter only brings a string to the exact search.
- `allow`: a whole value that is no secret: a placeholder, code that only names one, a path.

`class` says what a row protects: `secret`, or `personal` data, which is replaced only in what is shared; `allow` and
`escape` rows have none and hold for both.

`check_level` says which allow rows a value has to pass: those of the levels that the rule, or the key and the syntax
together, name (separated by blanks): `value`, `weak`, `bare`, `digit`, `id`, `hash`. `format` rows hold for every value
of a name; only key blocks have a level of their own, `block`: what makes a short value a placeholder (a run of A, the
word example) stands in real keys by chance.
Personal data has its levels too: `address`, `account`, `person`, `phone`, `network`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
import re
import string
from dataclasses import dataclass
from pathlib import Path

import re2

from ingest.errors import IngestError

KINDS = ("token", "context", "key", "syntax", "escape", "allow")
CLASSES = ("secret", "personal")
CHECKS = (
    *("format", "block", "value", "weak", "bare", "digit", "id", "hash"),
    *("address", "account", "person", "phone", "network"),
)
COLUMNS = (
    "rule_id", "family", "class", "kind", "check_level", "pattern", "prefilter", "min_length",
    "description", "source", "match_examples", "no_match_examples",
)  # fmt: skip
# What stands for a secret, in text and in bytes.
TOKEN = re.compile(r"\[REDACTED:[a-z0-9_]{2,40}:[A-Z2-7]{16}\]")
TOKEN_BYTES = re.compile(TOKEN.pattern.encode("ascii"))
EXAMPLE_SEPARATOR = " ;; "
MAX_MEMORY = 1 << 28  # of one compiled pattern: with RE2's 8 MiB the combined ones fall back to the slow matcher


@dataclass(frozen=True)
class Rule:
    """One row of the rule file; `protects` is its class. Examples are templates, see `expand_example`."""

    rule_id: str
    family: str
    protects: str
    kind: str
    checks: tuple[str, ...]
    pattern: str
    prefilter: str
    min_length: int
    description: str
    source: str
    match_examples: tuple[str, ...]
    no_match_examples: tuple[str, ...]


def read_rules(path: Path) -> list[Rule]:
    """All rows in file order (the order is the priority). Raises IngestError with line and reason for a bad file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise IngestError(f"Cannot read the redaction rules {path}: {error.strerror}; restore the file.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise IngestError(f"{path} must have exactly the columns {', '.join(COLUMNS)}; correct its header.")
    rules: list[Rule] = []
    for row in reader:
        rules.append(_rule(row, f"{path}, line {reader.line_num}"))
    names = [rule.rule_id for rule in rules]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise IngestError(f"{path} defines {', '.join(twice)} more than once; give every rule its own rule_id.")
    return rules


def _rule(row: dict[str, str], where: str) -> Rule:
    if None in row or None in row.values():
        raise IngestError(f"{where}: wrong number of columns; quote the cells that contain commas or quotes.")
    checks = tuple(row["check_level"].split())
    problem = None
    if not re.fullmatch(r"[a-z0-9_]{2,40}", row["rule_id"]):
        problem = "rule_id must be 2 to 40 of a-z, 0-9 and _"
    elif row["class"] not in (CLASSES if row["kind"] not in ("allow", "escape") else ("",)):
        problem = f"class must be {' or '.join(CLASSES)}, and empty for allow and escape"
    elif row["kind"] not in KINDS:
        problem = f"kind must be one of {', '.join(KINDS)}"
    elif not set(checks) <= set(CHECKS):
        problem = f"check_level must be of {', '.join(CHECKS)}"
    elif not row["min_length"].isdigit():
        problem = "min_length must be a whole number"
    elif row["kind"] != "allow" and not row["prefilter"]:
        problem = "prefilter is missing, so the rule would never be tried"
    elif row["kind"] in ("token", "context", "syntax") and "(?P<secret>" not in row["pattern"]:
        problem = "pattern has no group (?P<secret>…)"
    elif row["kind"] == "syntax" and "{{key}}" not in row["pattern"]:
        problem = "pattern of a syntax has no {{key}}"
    if problem:
        raise IngestError(f"{where}, rule {row['rule_id']!r}: {problem}.")
    for column in ("pattern", "prefilter"):
        try:
            compile_pattern(row[column].replace("{{key}}", "(?:k)"))
        except re2.error as error:
            message = error.args[0] if error.args else ""
            shown = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
            raise IngestError(f"{where}, rule {row['rule_id']!r}: {column} is no RE2 pattern: {shown}.") from error
    return Rule(
        rule_id=row["rule_id"],
        family=row["family"],
        protects=row["class"],
        kind=row["kind"],
        checks=checks,
        pattern=row["pattern"],
        prefilter=row["prefilter"],
        min_length=int(row["min_length"]),
        description=row["description"],
        source=row["source"],
        match_examples=_examples(row["match_examples"]),
        no_match_examples=_examples(row["no_match_examples"]),
    )


def _examples(cell: str) -> tuple[str, ...]:
    return tuple(example for example in cell.split(EXAMPLE_SEPARATOR) if example)


def rules_version(rules: list[Rule] | tuple[Rule, ...]) -> str:
    """12 hex digits over everything that decides what is replaced; descriptions and examples do not count."""
    decisive = [(r.rule_id, r.kind, r.checks, r.pattern, r.prefilter, r.min_length) for r in rules]
    return hashlib.sha256(repr(decisive).encode()).hexdigest()[:12]


def re2_options(*, capture: bool) -> re2.Options:
    """Bytes in, bytes out: Latin-1 takes any byte, so invalid UTF-8 cannot stop a rule."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = MAX_MEMORY
    options.never_capture = not capture
    options.log_errors = False
    return options


def compile_pattern(pattern: str, *, capture: bool = True) -> re2._Regexp:
    """RE2 over bytes. Raises `re2.error`."""
    return re2.compile(pattern.encode("utf-8"), re2_options(capture=capture))


def combine(patterns: list[str]) -> str:
    """One alternation of all of them."""
    return "|".join(f"(?:{pattern})" for pattern in dict.fromkeys(patterns))


_ALPHABETS = {
    "hex": "0123456789abcdef",
    "alnum": string.ascii_letters + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "lower": string.ascii_lowercase + string.digits,
    "digits": string.digits,
    "letters": string.ascii_letters,
    "small": string.ascii_lowercase,
    "base32": string.ascii_uppercase + "234567",
    "base64": string.ascii_letters + string.digits + "+/",
    "base64url": string.ascii_letters + string.digits + "-_",
    "password": string.ascii_letters + string.digits + "!%^*+?~",
}
_TEMPLATE = re.compile(r"\{\{(\w+)(?::([^{}:]+))?(?::(\d+))?\}\}")


def expand_example(template: str, seed: int = 0) -> tuple[str, list[str]]:
    """An example with its templates filled in, and the random parts (in a match example: what must disappear).

    `{{hex:40}}`, `{{alnum:20}}` … are random, the same for the same seed; `{{repeat:x:40}}` is literal repetition;
    `{{newline}}` a line break. So no file of the repository holds anything that looks like a secret.
    """
    rng = random.Random(f"{seed}:{template}")
    parts: list[str] = []

    def fill(match: re.Match[str]) -> str:
        name, argument, count = match.group(1), match.group(2), match.group(3)
        if name == "newline":
            return "\n"
        if name == "repeat":
            return argument * int(count)
        part = _random_text(rng, _ALPHABETS[name], int(argument))
        parts.append(part)
        return part

    return _TEMPLATE.sub(fill, template), parts


def _random_text(rng: random.Random, alphabet: str, length: int) -> str:
    """Begins and ends with a letter or digit; a text of 6 or more holds both where the alphabet has both."""
    edges = [character for character in alphabet if character.isalnum()]
    while True:
        text = "".join(rng.choice(edges if i in (0, length - 1) else alphabet) for i in range(length))
        mixed = any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
        if length < 6 or mixed or not (any(map(str.isdigit, alphabet)) and any(map(str.isalpha, alphabet))):
            return text
