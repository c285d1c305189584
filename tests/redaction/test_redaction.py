"""The redaction engine: rules by their own examples, every place of a record, and what must survive."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import random
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.redaction import DEFAULT_RULES, TOKEN, Finding, Redactor
from ingest.redaction.escapes import _raw_offsets, is_json, unescape
from ingest.redaction.rules import expand_example, read_rules

KEY = bytes(range(32))
RULES = read_rules(DEFAULT_RULES)
REDACTOR = Redactor(RULES, KEY)
RNG = random.Random(20260101)


def alnum(length: int) -> str:
    return expand_example(f"{{{{alnum:{length}}}}}", RNG.randrange(10**9))[0]


def hexes(length: int) -> str:
    return expand_example(f"{{{{hex:{length}}}}}", RNG.randrange(10**9))[0]


GITHUB = "gh" + "p_" + alnum(36)
AWS = "AK" + "IA" + expand_example("{{upper:16}}", 1)[0]
PASSWORD = expand_example("{{password:16}}", 5)[0]
PEM = "\n".join(["-" * 5 + "BEGIN PRIVATE KEY" + "-" * 5, alnum(64), alnum(64), "-" * 5 + "END PRIVATE KEY" + "-" * 5])


def line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def redacted(data: bytes) -> bytes:
    """Redacts lines and checks what holds for all of them: line count, JSON, a second pass, findings in order."""
    result, findings = REDACTOR.redact_jsonl(data)
    before, after = data.split(b"\n"), result.split(b"\n")
    assert len(before) == len(after)
    assert [is_json(part) for part in before] == [is_json(part) for part in after]
    hit_lines = {finding.line_number for finding in findings}
    assert {n for n, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new} <= hit_lines or any(
        not is_json(part) for part in before
    )
    assert [f.line_number for f in findings] == sorted(f.line_number for f in findings)
    assert REDACTOR.redact_jsonl(result) == (result, [])
    return result


MATCHES = [(rule.rule_id, template) for rule in RULES for template in rule.match_examples]
NO_MATCHES = [(rule.rule_id, template) for rule in RULES for template in rule.no_match_examples]


@pytest.mark.parametrize(("rule_id", "template"), MATCHES)
def test_what_a_rule_must_find(rule_id: str, template: str) -> None:
    for seed in range(3):
        text, parts = expand_example(template, seed)
        long_parts = [part for part in parts if len(part) >= 8]
        result = REDACTOR.redact_text(text)
        assert rule_id in re.findall(r"\[REDACTED:([a-z0-9_]+):", result)
        assert not [part for part in long_parts if part in result]
        assert REDACTOR.redact_text(result) == result
        # the same text as a string of JSON in JSON in JSON, and inside a longer text
        nested = line({"a": json.dumps({"b": json.dumps([f"see:\n{text}\nend"])})})
        deep = redacted(nested)
        assert not [part for part in long_parts if part.encode() in deep]
        inner = json.loads(json.loads(json.loads(deep)["a"])["b"])[0]
        assert inner.startswith("see:\n") and inner.endswith("\nend")


@pytest.mark.parametrize(("rule_id", "template"), NO_MATCHES)
def test_what_a_rule_must_leave(rule_id: str, template: str) -> None:
    text, _ = expand_example(template, 1)
    assert REDACTOR.redact_text(text) == text
    for data in (line({"content": text}), line({"a": json.dumps({"b": text})})):
        assert REDACTOR.redact_jsonl(data) == (data, [])


def test_every_rule_that_finds_has_both_kinds_of_examples() -> None:
    for rule in RULES:
        if rule.kind in ("token", "context", "key"):
            assert rule.match_examples, rule.rule_id
            assert rule.no_match_examples, rule.rule_id
            assert rule.source and rule.description, rule.rule_id


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


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    one, two = line({"a": GITHUB}), line({"b": 1})
    for separator in (b"\n", b"\r\n"):
        result, findings = REDACTOR.redact_jsonl(separator.join([two, one, two, one]) + end)
        assert result.endswith(end) and result.count(separator) == (separator.join([b""] * 4) + end).count(separator)
        assert [finding.line_number for finding in findings] == [2, 4]
        assert REDACTOR.redact_jsonl(result) == (result, [])


def test_empty_data() -> None:
    for data in (b"", b"\n", b"\r\n", b"\n\n\n"):
        assert REDACTOR.redact_jsonl(data) == (data, [])
        assert REDACTOR.redact_text_bytes(data) == (data, [])
    assert REDACTOR.redact_text("") == ""


def test_malformed_lines_are_text() -> None:
    good = line({"a": 1})
    broken = b'{"a":"' + GITHUB.encode() + b'","b":{"password":"' + PASSWORD.encode() + b'"'
    glued = line({"a": GITHUB}) + line({"password": PASSWORD})
    escaped = b'{"a":"{\\"password\\":\\"' + PASSWORD.encode() + b'\\"}'
    for bad in (broken, glued, escaped):
        result = redacted(b"\n".join([good, bad, good]))
        assert PASSWORD.encode() not in result and GITHUB.encode() not in result
        assert result.split(b"\n")[0] == result.split(b"\n")[2] == good


def test_key_block_torn_over_physical_lines() -> None:
    data = line({"a": 1}) + b'\n{"key":"' + PEM.encode() + b'"}\n' + line({"b": 2}) + b"\n"
    result = redacted(data)
    assert all(part.encode() not in result for part in PEM.split("\n")[1:3])
    assert result.split(b"\n")[-2] == line({"b": 2})


def test_invalid_utf8_survives() -> None:
    bad = b"\xff\xfe\x80 \xc3("
    data = b'{"x":"' + bad + b'","t":"' + GITHUB.encode() + b'","y":"' + bad + b"\\n" + AWS.encode() + bad + b'"}'
    result, findings = REDACTOR.redact_jsonl(data)
    assert len(findings) == 2
    assert TOKEN.sub("", result.decode("latin-1")) == data.decode("latin-1").replace(GITHUB, "").replace(AWS, "")


def test_plain_files_keep_their_lines() -> None:
    text = f"before\n{PEM}\nafter {GITHUB}\r\nlast".encode()
    result, findings = REDACTOR.redact_text_bytes(text)
    assert result.count(b"\n") == text.count(b"\n")
    assert [finding.line_number for finding in findings] == [2, 6]
    assert result.startswith(b"before\n[REDACTED:private_key_block:") and result.endswith(b"\r\nlast")
    document = json.dumps({"a": {"password": PASSWORD}}, indent=2).encode()
    result, _ = REDACTOR.redact_text_bytes(document)
    assert json.loads(result)["a"]["password"].startswith("[REDACTED:password:")


def test_findings_name_line_rule_and_token() -> None:
    data = line({"a": 1}) + b"\n" + line({"a": GITHUB, "b": AWS}) + b"\n"
    result, findings = REDACTOR.redact_jsonl(data)
    assert findings == [
        Finding(2, "github_token", TOKEN.findall(result.decode())[0]),
        Finding(2, "aws_access_key_id", TOKEN.findall(result.decode())[1]),
    ]
    assert re.fullmatch(r"\[REDACTED:github_token:[A-Z2-7]{16}\]", findings[0].token)


def test_overlapping_rules_leave_nothing() -> None:
    text = f"git clone https://robot:{GITHUB}@github.com/a/b && export PASSWORD={GITHUB},{AWS}"
    result = REDACTOR.redact_text(text)
    assert GITHUB not in result and AWS not in result
    assert result.startswith("git clone https://robot:[REDACTED:github_token:")


BASE64 = base64.b64encode(bytes(RNG.randrange(256) for _ in range(6000))).decode()
UUID = "-".join(hexes(n) for n in (8, 4, 4, 4, 12))
NEGATIVES = {
    "commit": f"commit {hexes(40)}\nAuthor: A <a@example.org>",
    "short commit": f"[main {hexes(7)}] Fix token parsing",
    "range": f"{hexes(7)}..{hexes(7)}  main -> main",
    "index": f"index {hexes(7)}..{hexes(7)} 100644",
    "tree": f"100644 blob {hexes(40)}\tpassword.go",
    "sha256": f"sha256:{hexes(64)}",
    "md5": f"{hexes(32)}  secret.txt",
    "sha512": f"{hexes(128)}  archive.tar.gz",
    "integrity": f'"integrity": "sha512-{BASE64[:86]}=="',
    "go.sum": f"github.com/spf13/cobra v1.8.0 h1:{BASE64[:43]}=",
    "yarn": f'resolved "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#{hexes(40)}"',
    "requirements": f"certifi==2024.1 --hash=sha256:{hexes(64)}",
    "uuid": f'"uuid": "{UUID}"',
    "session": f'"sessionId": "{UUID}", "parentUuid": "{UUID}"',
    "tool use id": f'"tool_use_id": "toolu_01{alnum(22)}"',
    "message id": f'"id": "msg_01{alnum(22)}", "requestId": "req_011C{alnum(20)}"',
    "signature": f'"signature": "{BASE64[:800]}"',
    "image": f'"data": "{BASE64}", "media_type": "image/png"',
    "data url": f"data:image/png;base64,{BASE64[:2000]}",
    "certificate": "-" * 5 + "BEGIN CERTIFICATE" + "-" * 5 + f"\n{BASE64[:64]}\n",
    "public key": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{alnum(43)} a@b",
    "go declaration": "token := strings.TrimSpace(os.Getenv(name))",
    "go struct": 'type C struct {\n\tPassword string `json:"password"`\n\tToken string `json:"token,omitempty"`\n}',
    "go struct literal": "Config{Password: cfg.Password, Token: token, APIKey: apiKey}",
    "go error": 'return fmt.Errorf("invalid token: %w", err)',
    "go scanner": "for tok := s.Scan(); tok != scanner.EOF; tok = s.Scan() {",
    "python type": "def login(user: str, password: str, token: str | None = None) -> Session:",
    "python environment": 'password = os.environ["DB_PASSWORD"]',
    "python getenv": 'api_key = os.getenv("API_KEY", "")',
    "python keyword": "client = Client(api_key=settings.API_KEY, token=token)",
    "python call": "secret = secrets.token_urlsafe(32)",
    "python getpass": 'password = getpass.getpass("Password: ")',
    "python f-string": 'headers = {"Authorization": f"Bearer {access_token}"}',
    "js environment": "apiKey: process.env.OPENAI_API_KEY,",
    "js template": "const auth = `Bearer ${token}`;",
    "js destructuring": "const { password, token } = req.body;",
    "ts type": "interface Login { password: string; token?: string; apiKey: string | undefined }",
    "java": "private String password;\npublic void setPassword(String password) { this.password = password; }",
    "rust": "let token: Option<String> = env::var(TOKEN).ok();",
    "ruby": 'password = ENV["PASSWORD"] || ENV.fetch("PW")',
    "shell variable": 'export GITHUB_TOKEN="$GH_TOKEN"',
    "shell command": "TOKEN=$(gh auth token) make release",
    "shell default": "PASSWORD=${PASSWORD:-}",
    "shell test": 'if [ -z "$API_KEY" ]; then echo "API_KEY is not set"; fi',
    "powershell": "$env:API_KEY",
    "actions": "token: ${{ secrets.GITHUB_TOKEN }}",
    "actions permission": "permissions:\n  id-token: write\n  contents: read",
    "helm": "password: {{ .Values.db.password | quote }}",
    "jinja": "password: '{{ env_var(\"DB_PASSWORD\") }}'",
    "terraform": 'password = var.db_password\ntoken = data.vault_generic_secret.x.data["token"]',
    "kubernetes reference": "valueFrom:\n  secretKeyRef:\n    name: app-secrets\n    key: password",
    "compose": "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}",
    "placeholder angle": "OPENAI_API_KEY=<your-api-key>",
    "placeholder words": 'api_key = "your-api-key-here"',
    "placeholder stars": 'password: "****************"',
    "placeholder x": "token=xxxxxxxxxxxxxxxxxxxxxxxx",
    "placeholder dots": "sk-ant-api03-...",
    "placeholder changeme": 'password = "changeme"',
    "other tool": 'password = "REDACTED"',
    "usage": '"usage":{"input_tokens":12345678901234,"output_tokens":12,"cache_creation_input_tokens":1}',
    "token limit": "max_tokens: 128000, token_count=1234567890123456789",
    "page token": 'nextPageToken: ""',
    "tokenizer": 'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")',
    "prose": "The password must have at least 12 characters, and the token: it expires after 30 days.",
    "message": '"password": "Password is required and must have 8 characters"',
    "label": '{"label": "API key", "name": "apiKey", "type": "password"}',
    "css": ".password-input { key: value; }\n.task-0123456789abcdef0123456789abcdef {}",
    "path": "secret: /etc/ssl/private/server2.key",
    "key file": "private_key = ~/.ssh/id_ed25519",
    "working directory": "PWD=/home/someone/src/project1\nOLDPWD=/home/someone/src/project2",
    "url with port": "http://localhost:8080/path@v2 and https://example.org:443/a?b=c@d",
    "scp": "git@github.com:owner/repository.git",
    "url user": "ssh://git@github.com:22/owner/repository.git",
    "npm scope": "https://registry.npmjs.org/@types/node/-/node-20.1.0.tgz",
    "module version": "https://proxy.golang.org/github.com/a/b/@v/v1.2.3.info",
    "email": "a.person@example.org, b@example.org:",
    "primary key": "primary_key = 'session_id'",
    "sort key": "sorted(rows, key=lambda row: row.key2)",
    "cache key": 'key: "node-modules-v1-abc123def456"',
    "keyboard": '{"key": "ArrowUp", "code": "KeyA1"}',
    "jwt header only": "eyJ" + "hbGciOiJIUzI1NiJ9",
    "secret name": 'secretName: "app-tls-2024"\nimagePullSecrets: [{name: regcred2}]',
    "secret arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf",
    "op reference": 'api_key = "op://vault/item/field1"',
    "password hash": "password_hash = $2b$12$" + alnum(53),
    "pass status": "--- PASS: TestToken1 (0.00s)\nPASS",
    "docker user": "docker run -u 1000:1000 -e TOKEN image",
    "checkpoint": f"Entire-Checkpoint: {hexes(12)}",
    "key id": f"key_id={hexes(16)} AWS_PROFILE=dev1",
    "time": "token expired at 2026-01-05T12:34:56.789Z",
    "grep": "ingest/a.py:12:    token = self.token(rule_id, secret)",
}


@pytest.mark.parametrize("kind", NEGATIVES)
def test_hard_negatives(kind: str) -> None:
    text = NEGATIVES[kind]
    assert REDACTOR.redact_text(text) == text
    for record in ({"content": text}, {"stdout": json.dumps({"text": text})}, {"lines": text.split("\n")}):
        data = line(record)
        assert REDACTOR.redact_jsonl(data) == (data, [])


def test_records_that_only_name_secrets() -> None:
    records = [
        {"token": UUID, "key": hexes(40), "signature": BASE64[:400]},
        {"password": None, "token": 12345678901234567890, "secret": True, "apiKey": ""},
        {"input": {"pattern": "password|token|api_key", "path": "/a/b", "output_mode": "content"}},
        {"properties": {"password": {"type": "string"}, "token": {"type": "string", "format": "uuid"}}},
        {"type": "thinking", "thinking": "the token is in the environment", "signature": BASE64},
        {"password": "string", "token": "access_token", "secret": "my-secret-name"},
    ]
    for record in records:
        data = line(record)
        assert REDACTOR.redact_jsonl(data) == (data, [])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from([GITHUB, AWS, PASSWORD, f'password="{PASSWORD}"', PEM, f'{{"token": "{GITHUB}"}}'])
    | st.sampled_from(["\\u0070", "\\"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["password", "a", "token", "Cookie", '"', "--token"]), inner, max_size=3)
    | inner.map(json.dumps) | inner.map(lambda value: json.dumps(value)[:-1]),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(st.lists(JSON_VALUES, max_size=3), st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
def test_any_json_stays_valid_and_settles(values: list[object], ascii_only: bool, separator: bytes) -> None:
    lines = [json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") for value in values]
    result = redacted(separator.join(lines))
    assert GITHUB.encode() not in result and AWS.encode() not in result


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from([
    b"{", b"}", b'"', b"\\", b"\\u00", b"\\ud83d", b"\n", b"password", b"=", b": ", b"\xff", b"\xc3",
    "é".encode(), b" ",
    GITHUB.encode(), PASSWORD.encode(), PEM.encode(), b"://a:", b"@", b"[REDACTED:x1:", b"]",
    b"Authorization", b"Bearer ",
]), max_size=24))  # fmt: skip
def test_any_bytes_keep_their_lines_and_settle(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    for redact in (REDACTOR.redact_jsonl, REDACTOR.redact_text_bytes):
        result, _ = redact(data)
        assert result.count(b"\n") == data.count(b"\n")
        assert redact(result) == (result, [])


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=30), st.booleans())
def test_offsets_of_unescaped_text(text: str, ascii_only: bool) -> None:
    raw = json.dumps(text, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")[1:-1]
    inner = unescape(raw)
    offsets = _raw_offsets(raw, range(len(inner) + 1))
    assert offsets[0] == 0 and offsets[-1] == len(raw) and offsets == sorted(set(offsets))
    assert b"".join(unescape(raw[a:b]) for a, b in itertools.pairwise(offsets)) == inner


def test_hostile_lengths_take_no_hostile_time() -> None:
    for data in (
        b"password=" * 20_000,
        b'{"a":"' + b'password: \\"' * 20_000 + b'"}',
        b"[" * 100_000,
        b"\\" * 100_000 + b"password=x1y2z3w4",
        b'{"a":' * 5_000 + b'"' + GITHUB.encode() + b'"' + b"}" * 5_000,
        b"://a:" * 20_000,
    ):
        result, _ = REDACTOR.redact_jsonl(data)
        assert GITHUB.encode() not in result


def test_threads_share_one_redactor() -> None:
    data = b"\n".join(line({"n": n, "t": GITHUB, "p": f"password={PASSWORD}"}) for n in range(50))
    expected = REDACTOR.redact_jsonl(data)
    with ThreadPoolExecutor(4) as pool:
        assert all(result == expected for result in pool.map(REDACTOR.redact_jsonl, [data] * 8))


def test_real_corpus_keeps_hashes_and_lines() -> None:
    root = os.environ.get("OPE_CORPUS_DIR")
    if not root:
        pytest.skip("OPE_CORPUS_DIR is not set: no real corpus here")
    archive = Path(root) / "entire-cli" / "sessions.tar.xz"
    if not archive.exists():
        pytest.skip(f"{archive} is missing")
    hashes = re.compile(rb"\b[0-9a-f]{40}\b")
    seen = findings_count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile() or seen > 25_000_000:
                continue
            data = tar.extractfile(member).read()
            seen += len(data)
            result, findings = REDACTOR.redact_jsonl(data)
            findings_count += len(findings)
            assert result.count(b"\n") == data.count(b"\n")
            if not findings:
                assert result is data
            assert (
                hashlib.sha256(b"".join(hashes.findall(result))).digest()
                == hashlib.sha256(b"".join(hashes.findall(data))).digest()
            )
    assert seen and findings_count < 10, "already redacted by its authors: more hits are false ones"
