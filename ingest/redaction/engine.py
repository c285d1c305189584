"""Secrets out of session logs and free text, before anything is written.

A secret becomes `[REDACTED:<rule_id>:<16 base32 characters of a keyed hash>]`: the same secret gives the same token
wherever it stands, and nothing can be read back. Only the secret's own bytes are replaced, in place; all others stay.

How: one combined RE2 pass over the raw bytes finds the lines that may hold a secret; only those get exact work. A JSON
line is cut into its string tokens by position; each suspicious one is unescaped, searched, and searched again as JSON,
as JSON lines and as escaped text inside text; what is found is mapped back to raw positions. So escapes such as
`\\u002d` inside a secret do not hide it, and quotes, numbers and structure are never touched.

What a tool puts before each line (numbers, signs of a diff, file names, times of a log) and the colours of a terminal
are read past: rules also see the text without them.

A private key written line by line, as strings of a JSON array or as string literals, is found as one block: each
string of it becomes the same token, and the signs of a patch before the lines stay.

What it can miss: a part of a private key without its BEGIN line (a file read from its middle, the rest of a key in
the next content block or record): base64 alone cannot be told from other data. Any other secret cut into several JSON
strings; one in an encoding of its own (base64 of a text, gzip); text
escaped more than `MAX_DEPTH` times; one written with escapes other than those of ASCII letters, digits and
`"+-./:=_` in a line that looks harmless otherwise; numbers as JSON values; a passphrase with blanks. Characters above
U+00FF that are written as escapes count as one byte in the keyed hash: such a secret has another token where it is
written unescaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.redaction.key import KEY_BYTES, load_or_create_key
from ingest.redaction.rules import Rule, read_rules, rules_version
from ingest.redaction.scan import Scanner, Span, is_json

DEFAULT_RULES = PRODUCT_ROOT / "seeds/privacy/redaction_rules.csv"
MAX_ROUNDS = 8  # a replacement can bring a further secret into view; each round has less left to find
MAX_BROKEN_BLOCK = 200  # lines of a broken record that are read together, so that a PEM block in it is seen whole
DIGEST_BYTES = 10  # = 16 base32 characters


@dataclass(frozen=True)
class Finding:
    """A replaced secret: the line it began on (from 1, within the given data), the rule, and the new token."""

    line_number: int
    rule_id: str
    token: str


class Redactor:
    """Replaces secrets by tokens. Holds compiled rules and the key, no state between calls: threads may share one."""

    def __init__(self, rules: Sequence[Rule], key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise IngestError(f"A redaction key needs {KEY_BYTES} bytes; make one with load_or_create_key.")
        self.rules = tuple(rules)
        self.rules_version: str = rules_version(self.rules)
        self._key = key[:64]
        self._scanner = _scanner(self.rules)

    @classmethod
    def load(cls, key: bytes, rules_path: Path = DEFAULT_RULES, classes: Sequence[str] = ("secret",)) -> Redactor:
        """A redactor with the rules of a file that protect these classes. Raises IngestError for a bad file."""
        return cls([rule for rule in read_rules(rules_path) if rule.protects in ("", *classes)], key)

    def token(self, rule_id: str, secret: bytes) -> str:
        digest = hashlib.blake2b(secret, digest_size=DIGEST_BYTES, key=self._key).digest()
        return f"[REDACTED:{rule_id}:{base64.b32encode(digest).decode('ascii')}]"

    def redact_jsonl(self, data: bytes) -> tuple[bytes, list[Finding]]:
        """Lines of JSON in, as many lines out; lines without a secret, and all line ends, byte for byte the same.

        A line that is no JSON is searched as text, together with the broken lines after it.
        """
        data, findings, is_broken = self._redact_lines(data)
        for _ in range(MAX_ROUNDS):  # what a broken line's first hit is decides what is read with it: until it settles
            if not is_broken:
                break
            data, more, is_broken = self._redact_lines(data)
            findings += more
        return data, sorted(findings, key=lambda finding: finding.line_number)

    def _redact_lines(self, data: bytes) -> tuple[bytes, list[Finding], bool]:
        """One pass; the flag says whether anything was replaced in broken lines."""
        pieces: list[bytes] = []
        findings: list[Finding] = []
        done = at = 0
        line_number, counted = 1, 0
        is_broken = False
        while (hit := self._scanner.first_hit(data, at)) is not None:
            start = data.rfind(b"\n", 0, hit) + 1
            end = _line_end(data, start)
            line = data[start:end]
            if is_json(line):
                changed, replaced = self._rounds(line, as_json=True)
            else:
                end = _broken_block_end(data, end)
                line = data[start:end]
                changed, replaced = self._rounds(line, as_json=False)
                is_broken = is_broken or bool(replaced)
            if replaced:
                line_number += data.count(b"\n", counted, start)
                counted = start
                findings.extend(Finding(line_number + f.line_number - 1, f.rule_id, f.token) for f in replaced)
                pieces += (data[done:start], changed)
                done = end
            at = end + 1
            if at > len(data):
                break
        if not findings:
            return data, [], False
        pieces.append(data[done:])
        return b"".join(pieces), findings, is_broken

    def redact_text_bytes(self, data: bytes) -> tuple[bytes, list[Finding]]:
        """A file of plain text or one JSON document; line count and every byte outside the secrets are kept."""
        if self._scanner.first_hit(data, 0) is None:
            return data, []
        return self._rounds(data, as_json=is_json(data))

    def redact_text(self, text: str) -> str:
        """Any free text: a commit message, a name, a path, a URL, an error message."""
        data = text.encode("utf-8", "surrogatepass")
        changed, findings = self.redact_text_bytes(data)
        return changed.decode("utf-8", "surrogatepass") if findings else text

    def _rounds(self, data: bytes, *, as_json: bool) -> tuple[bytes, list[Finding]]:
        """Replaces until nothing more is found, so that a second pass changes nothing."""
        findings: list[Finding] = []
        for _ in range(MAX_ROUNDS):
            spans = self._scanner.scan_json(data) if as_json else self._scanner.scan_text(data)
            if not spans:
                break
            data, replaced = self._replace(data, spans)
            findings += replaced
        return data, sorted(findings, key=lambda finding: finding.line_number)

    def _replace(self, data: bytes, spans: list[Span]) -> tuple[bytes, list[Finding]]:
        pieces: list[bytes] = []
        findings: list[Finding] = []
        done = counted = 0
        line_number = 1
        for span in spans:
            token = self.token(span.rule_id, span.secret)
            line_number += data.count(b"\n", counted, span.start)
            counted = span.start
            findings.append(Finding(line_number, span.rule_id, token))
            kept_lines = b"\n" * data.count(b"\n", span.start, span.end)
            pieces += (data[done : span.start], token.encode("ascii"), kept_lines)
            done = span.end
        pieces.append(data[done:])
        return b"".join(pieces), findings


def load_redactor(data: DataDir) -> Redactor:
    """The redactor with the rules of this version and the key of a data directory (made on first use)."""
    return Redactor.load(load_or_create_key(data.redaction_key))


@lru_cache(maxsize=2)  # secrets alone, and with personal data
def _scanner(rules: tuple[Rule, ...]) -> Scanner:
    """The compiled rules, once for all keys: compiling takes longer than most texts."""
    return Scanner(rules)


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end


def _broken_block_end(data: bytes, end: int) -> int:
    """The end of the run of broken lines, so that what one record's text was torn into is read as one text."""
    for _ in range(MAX_BROKEN_BLOCK):
        if end >= len(data):
            break
        following = _line_end(data, end + 1)
        if is_json(data[end + 1 : following]):
            break
        end = following
    return end
