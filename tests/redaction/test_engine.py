"""Lines and line ends, broken lines, plain files, findings, hostile input, threads, and a real corpus."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.redaction import TOKEN, Finding
from tests.redaction.helpers import AWS, GITHUB, PASSWORD, PEM, REDACTOR, line, redacted


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
