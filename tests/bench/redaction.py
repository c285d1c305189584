"""What redaction costs: on the corpus as it is, and with planted secrets in it, against a copy and a peer library."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.redaction import Redactor
from tests.redaction.planted.corpus import corpus

PLANTED_LINES = 2000
EVERY = (1000, 100)  # a line with a secret after so many lines
PEER_BYTES = 2_000_000  # the peer is slow: it gets this much of the text
PEER = """
import json, sys, time
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
lines = sys.stdin.buffer.read().decode("utf-8", "replace").splitlines()
with default_settings():
    list(scan_line("warm = 'up'"))
    started = time.process_time()
    found = sum(1 for line in lines for _ in scan_line(line))
print(json.dumps([time.process_time() - started, found]))
"""


def measure(name: str, contents: Sequence[bytes], redactor: Redactor) -> float:
    """One core, bytes in memory. Prints megabytes per processor second and the ratio to a copy; the seconds."""
    total = sum(map(len, contents)) / 1e6
    copying = _processor_time(lambda: [bytes(bytearray(content)) for content in contents])
    findings = 0

    def redact() -> None:
        nonlocal findings
        findings = sum(len(redactor.redact_jsonl(content)[1]) for content in contents)

    first, again = _processor_time(redact), _processor_time(redact)
    print(f"  {name:<34} {total:4.0f} MB: {total / first:4.0f} MB/s, again {total / again:4.0f} MB/s, ", end="")
    print(f"{findings} findings, {again / copying:.0f} × the time of copying the bytes")
    return again


def with_secrets(contents: Sequence[bytes], every: int) -> list[bytes]:
    """The same text with a planted line after each `every` lines."""
    planted = [line.data for line in corpus(1, PLANTED_LINES) if line.secrets]
    rng = random.Random(every)
    result = []
    for content in contents:
        lines = content.split(b"\n")
        for position in range(len(lines) - len(lines) % every, 0, -every):
            lines.insert(position, rng.choice(planted))
        result.append(b"\n".join(lines))
    return result


def against_peer(contents: Sequence[bytes], redactor: Redactor) -> None:
    """detect-secrets, from the Python that `OPE_PEER_PYTHON` names; without it, a sentence."""
    python = os.environ.get("OPE_PEER_PYTHON", "")
    if not python and importlib.util.find_spec("detect_secrets") is not None:
        python = sys.executable
    if not python or not Path(python).exists():
        print("  No peer: set OPE_PEER_PYTHON to a Python that has detect-secrets (pip install detect-secrets).")
        return
    text = b"".join(contents)[:PEER_BYTES]
    text = text[: text.rfind(b"\n") + 1]
    done = subprocess.run([python, "-c", PEER], input=text, capture_output=True, check=True)
    seconds, found = json.loads(done.stdout)
    own = _processor_time(lambda: redactor.redact_jsonl(text))
    megabytes = len(text) / 1e6
    print(f"  detect-secrets, {megabytes:.1f} MB: {megabytes / seconds:.2f} MB/s, {found} findings; ", end="")
    print(f"this engine, the same text: {megabytes / own:.0f} MB/s, {seconds / own:.0f} times as fast")


def measure_redaction(sessions: Path) -> None:
    contents = [path.read_bytes() for path in sorted(sessions.rglob("*.jsonl"))]
    redactor = Redactor.load(b"\0" * 32)
    measure("the corpus as it is", contents, redactor)
    planted: list[bytes] = []
    for every in EVERY:
        planted = with_secrets(contents, every)
        measure(f"a secret every {every} lines", planted, redactor)
    against_peer(planted, redactor)


def _processor_time(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
