"""Private keys in every form in which tools print them: numbered, quoted, as lines of a patch, as string literals."""

from __future__ import annotations

import json
import re
import time

import pytest

from ingest.redaction import TOKEN, Redactor
from ingest.redaction.blocks import pieces, strings_from
from ingest.redaction.rules import expand_example
from tests.redaction.helpers import alnum, line, redacted

REDACTOR = Redactor.load(bytes(range(32)))
DASHES = "-" * 5


def key(kind: str = "RSA ", lines: int = 8) -> list[str]:
    body = [expand_example("{{base64:64}}", seed)[0] for seed in range(lines)]
    return [f"{DASHES}BEGIN {kind}PRIVATE KEY{DASHES}", *body, f"{DASHES}END {kind}PRIVATE KEY{DASHES}"]


KEY = key()


def clean(value: object, *, ascii_only: bool = False) -> object:
    """The value as the archive would keep it; checks that no line of the key is left and that a second pass rests."""
    data = json.dumps(value, ensure_ascii=ascii_only).encode() + b"\n"
    result, findings = REDACTOR.redact_jsonl(data)
    assert findings
    assert {finding.rule_id for finding in findings} == {"private_key_block"}
    assert not [line for line in KEY[1:-1] if line.encode() in result]
    assert REDACTOR.redact_jsonl(result) == (result, [])
    return json.loads(result)


DECORATIONS = {
    "arrow": lambda n, text: f"{n:6}→{text}",
    "box": lambda n, text: f"{n:>4} │ {text}",
    "tab": lambda n, text: f"{n:6}\t{text}",
    "bar": lambda n, text: f"{n}|{text}",
    "number": lambda n, text: f"  {n}  {text}",
    "added": lambda n, text: f"+{text}",
    "removed": lambda n, text: f"-{text}",
    "quoted": lambda n, text: f"> {text}",
    "file name": lambda n, text: f"config/key.pem:{n}:{text}",
    "colours": lambda n, text: f"\x1b[1;32m+{text}\x1b[0m",
    "python": lambda n, text: f'    "{text}\\n"',
    "java": lambda n, text: f'    "{text}\\n" +',
    "javascript": lambda n, text: f"  '{text}',",
    "shell": lambda n, text: f'echo "{text}" \\',
    "bare literals": lambda n, text: f'"{text}\\n"',
    "windows": lambda n, text: text + "\r",
}


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("decoration", DECORATIONS)
def test_decorated_lines(decoration: str, ascii_only: bool) -> None:
    text = "\n".join(DECORATIONS[decoration](n, line) for n, line in enumerate(KEY, 1))
    for value in (text, json.dumps({"stdout": text}, ensure_ascii=ascii_only)):
        clean({"content": f"before {{}}\n{value}\nafter {{}}"}, ascii_only=ascii_only)
    cut = "\n".join(DECORATIONS[decoration](n, line) for n, line in enumerate(KEY[:-1], 1))
    clean({"content": cut}, ascii_only=ascii_only)
    kept = clean({"content": cut + "\n{and} so on"}, ascii_only=ascii_only)
    assert kept["content"].endswith("\n{and} so on")


@pytest.mark.parametrize("sign", ["+", "-", " ", ""])
def test_lines_of_a_patch_keep_their_number_and_signs(sign: str) -> None:
    lines = [" a = 1", *(sign + line for line in KEY), " b = {2}"]
    cleaned = clean({"toolUseResult": {"structuredPatch": [{"oldStart": 1, "lines": lines}]}})
    kept = cleaned["toolUseResult"]["structuredPatch"][0]["lines"]
    assert len(kept) == len(lines)
    assert (kept[0], kept[-1]) == (lines[0], lines[-1])
    assert {line[: len(sign)] for line in kept[1:-1]} == {sign}
    tokens = {line[len(sign) :] for line in kept[1:-1]}
    assert len(tokens) == 1 and TOKEN.fullmatch(tokens.pop())


def test_two_keys_in_one_array_stay_two() -> None:
    other = [f"{DASHES}BEGIN EC PRIVATE KEY{DASHES}", expand_example("{{base64:64}}", 99)[0]]
    kept = clean({"lines": ["-" + line for line in KEY] + ["+" + line for line in other]})["lines"]
    assert [line[0] for line in kept] == ["-"] * len(KEY) + ["+", "+"]
    assert len({line[1:] for line in kept[: len(KEY)]}) == len({line[1:] for line in kept[len(KEY) :]}) == 1
    assert kept[0][1:] != kept[-1][1:]


def test_an_array_inside_text_inside_json() -> None:
    source = json.dumps({"cells": [{"source": [line + "\n" for line in KEY]}]})
    cleaned = clean({"content": json.dumps({"file": source})})
    kept = json.loads(json.loads(cleaned["content"])["file"])["cells"][0]["source"]
    assert len(kept) == len(KEY)
    assert all(TOKEN.fullmatch(line[:-1]) and line.endswith("\n") for line in kept)


def test_a_block_in_an_array_ends_where_its_lines_end() -> None:
    kept = clean({"lines": [*KEY[:5], "def {name}: the code after it", "more code, {x}"], "next": "kept"})
    assert kept["lines"][5:] == ["def {name}: the code after it", "more code, {x}"]
    assert kept["next"] == "kept"


def test_blank_lines_and_headers_in_an_array() -> None:
    lines = [KEY[0], "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC," + "0F" * 16, "", *KEY[1:]]
    kept = clean({"lines": lines})["lines"]
    assert kept[3] == "" and len(kept) == len(lines)
    assert len({kept[n] for n in range(len(kept)) if n != 3}) == 1


@pytest.mark.parametrize("form", ["+{}", " {}", "{}\n"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_key_whose_header_is_no_part_of_it(form: str, count: int) -> None:
    secret = [alnum(64) for _ in range(count)]
    lines = [form.format(part) for part in ("Encryption: none", f"Private-Lines: {count}", *secret, "Private-MAC: 00")]
    result = redacted(line({"lines": lines}))
    assert not any(part.encode() in result for part in secret)
    kept = json.loads(result)["lines"]
    assert [kept[n] for n in (0, 1, -1)] == [lines[n] for n in (0, 1, -1)] and len(set(kept[2:-1])) == 1


def test_names_of_an_object_are_no_lines() -> None:
    value = {"marker": KEY[0], KEY[1][:60]: "a"}
    data = json.dumps(value).encode()
    assert REDACTOR.redact_jsonl(data) == (data, [])


@pytest.mark.parametrize(
    "lines",
    [
        [f"{DASHES}BEGIN {kind}PRIVATE KEY{DASHES}" for kind in ("RSA ", "EC ", "OPENSSH ", "")],
        [f"{DASHES}BEGIN PRIVATE KEY{DASHES}", "MII...", f"{DASHES}END PRIVATE KEY{DASHES}"],
        [f'+if "{DASHES}BEGIN PRIVATE KEY{DASHES}" in text:', "+    raise ValueError('no keys here')"],
    ],
)
def test_lists_that_only_name_keys_are_kept(lines: list[str]) -> None:
    for value in ({"lines": lines}, {"content": "\n".join(lines)}):
        data = json.dumps(value).encode()
        assert REDACTOR.redact_jsonl(data) == (data, [])


def test_words_of_placeholders_inside_a_key_do_not_save_it() -> None:
    for part in ("A" * 10, "Example", "xxxxxx", "0" * 9):
        body = [*KEY[:3], KEY[3][:20] + part + KEY[3][20:40], *KEY[4:]]
        clean({"content": "\n".join(body)})


def test_rows_of_strings_and_their_pieces() -> None:
    data = b'{"a": ["x", "y" , "z"], "b": "w", "c": 1}'
    tokens = [match.span() for match in re.finditer(rb'"[^"]*"', data)]
    assert strings_from(data, tokens, 1) == 4
    assert strings_from(data, tokens, 5) == 6
    assert list(pieces([b"+ab", b"+ cd\n", b"", b"+ef"], 1, 14)) == [(0, 1, 3), (1, 2, 4), (3, 1, 3)]
    assert list(pieces([b"abcdef", b"x"], 1, 4)) == []


def test_many_headers_take_no_hostile_time() -> None:
    started = time.process_time()
    REDACTOR.redact_jsonl(json.dumps({"lines": [KEY[0]] * 20_000}).encode())
    REDACTOR.redact_jsonl(json.dumps({"lines": [KEY[0], *(["no base64 {line}"] * 50_000)]}).encode())
    REDACTOR.redact_jsonl(json.dumps({"lines": KEY * 300}).encode())
    assert time.process_time() - started < 8
