"""The places of a record in which a secret can stand, and what is replaced there."""

from __future__ import annotations

import json

import pytest

from ingest.redaction import TOKEN, Redactor
from ingest.redaction.rules import expand_example
from tests.redaction.helpers import AWS, GITHUB, PASSWORD, REDACTOR, RULES, alnum, line, redacted

PLACES = {
    "prompt": lambda s: {"type": "user", "message": {"content": f"use {s} please"}},
    "block": lambda s: {"message": {"content": [{"type": "text", "text": f"({s})"}]}},
    "tool input": lambda s: {"message": {"content": [{"type": "tool_use", "input": {"command": f"export T={s}"}}]}},
    "edit": lambda s: {"toolUseResult": {"oldString": f"x\n{s}", "originalFile": f'k := "{s}"\n'}},
    "patch": lambda s: {"structuredPatch": [{"lines": [f"+{s}", f"-{s}", f" {s}"]}]},
    "name of a field": lambda s: {"snapshot": {s: 1}},
    "JSON in JSON": lambda s: {"stdout": json.dumps({"k": s})},
    "JSON in JSON in JSON": lambda s: {"stdout": json.dumps({"k": json.dumps({"k": s})})},
    "five levels": lambda s: json.dumps(json.dumps(json.dumps(json.dumps(json.dumps([s]))))),
    "JSON lines": lambda s: {"stdout": json.dumps({"k": 1}) + "\n" + json.dumps({"k": s}) + "\n"},
    "cut JSON": lambda s: {"stdout": json.dumps({"k": json.dumps({"k": f"a\n{s}"})})[:-3]},
    "numbered lines": lambda s: {"stdout": f'     1→{{"k":\n     2→ "{s}"}}'},
    "terminal colours": lambda s: {"stdout": f"\x1b[31m{s}\x1b[0m"},
    "other alphabets": lambda s: {"text": f"ключ «{s}» 鍵\U0001f511{s}"},
    "list": lambda s: [[[[s]]]],
    "only a string": lambda s: s,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", [GITHUB, AWS], ids=["github", "aws"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_places(place: str, secret: str, ascii_only: bool) -> None:
    record = PLACES[place](secret)
    data = json.dumps(record, ensure_ascii=ascii_only).encode()
    token = TOKEN.search(REDACTOR.redact_text(secret)).group()
    result = redacted(data)
    assert secret.encode() not in result
    assert json.loads(result) == json.loads(data.replace(secret.encode(), token.encode()))
    assert result == data.replace(secret.encode(), token.encode()), "only the secret's own bytes change"


def test_named_values_in_json() -> None:
    value = PASSWORD
    records = [
        {"password": value},
        {"env": {"DB_PASSWORD": value, "PORT": 5432}},
        {"input": json.dumps({"db": {"dbPassword": value}})},
        {"out": json.dumps({"x": json.dumps({"password": value})})},
        {"env": [{"name": "DB_PASSWORD", "value": value}]},
        {"args": ["--password", value]},
        {"args": [f"--password={value}"]},
        {"text": f'{{"password": "{value}", trailing'},
        {"headers": {"Authorization": f"Bearer {alnum(30)}{value}"}},
        {"SecretAccessKey": expand_example("{{base64:40}}", 3)[0], "password": value},
    ]
    for record in records:
        result = redacted(line(record))
        assert value.encode() not in result, record
    assert redacted(line({"password": 'a"b\\c1' + value})).count(b"REDACTED") == 1
    assert json.loads(redacted(line({"password": 'x"1\\' + value})))["password"].endswith("]")


def test_same_secret_same_token_whatever_its_place_and_escapes() -> None:
    plain = line({"t": GITHUB})
    escaped = b'{"t":"' + "".join(f"\\u{ord(c):04x}" for c in GITHUB).encode() + b'"}'
    upper = b'{"t":"' + GITHUB.replace("_", "\\u005F").encode() + b'"}'
    nested = line({"t": json.dumps({"t": GITHUB})})
    tokens = {TOKEN.search(redacted(data).decode()).group() for data in (plain, escaped, upper, nested)}
    assert len(tokens) == 1
    other = Redactor(RULES, bytes(32))
    assert other.redact_jsonl(plain)[0] != REDACTOR.redact_jsonl(plain)[0]
    assert GITHUB not in other.redact_text(GITHUB)


def test_escaped_value_under_a_plain_name() -> None:
    data = b'{"password":"' + "".join(f"\\u{ord(c):04x}" for c in PASSWORD).encode() + b'"}'
    assert json.loads(redacted(data))["password"].startswith("[REDACTED:password:")


def test_untouched_lines_are_byte_identical() -> None:
    odd = [
        b'{ "a" : 1.0e5, "b":"\\/\\u00e9\\ud83d\\ude00" , "c":"\xc3\xa9"}',
        b"   ",
        b'{"a":NaN}\r',
        line({"t": GITHUB}),
        b"not json at all",
        b"",
    ]
    data = b"\n".join(odd)
    result = redacted(data).split(b"\n")
    assert [new for n, new in enumerate(result) if n != 3] == [old for n, old in enumerate(odd) if n != 3]
