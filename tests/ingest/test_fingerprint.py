"""One rule in Python and in SQL, over one table of vectors."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from pathlib import Path

import duckdb
import jinja2
import pytest

from ingest.fingerprint import line_fingerprint, line_fingerprint_bytes
from ingest.paths import PRODUCT_ROOT

VECTORS = Path(__file__).with_name("fingerprint_vectors.csv")


def vectors():
    with VECTORS.open(encoding="utf-8", newline="") as source:
        return [
            (row["name"], json.loads(row["text_as_json"]), row["fingerprint"] or None) for row in csv.DictReader(source)
        ]


def in_sql(texts):
    source = (PRODUCT_ROOT / "macros/fingerprint.sql").read_text(encoding="utf-8")
    expression = jinja2.Environment().from_string(source).module.line_fingerprint("line")
    with duckdb.connect() as connection:
        connection.execute("create table lines (number integer, line varchar)")
        connection.executemany("insert into lines values (?, ?)", list(enumerate(texts)))
        return [row[0] for row in connection.execute(f"select {expression} from lines order by number").fetchall()]


@pytest.mark.parametrize(("text", "expected"), [pytest.param(t, e, id=n) for n, t, e in vectors()])
def test_python_gives_the_vector(text, expected):
    assert line_fingerprint(text) == expected
    assert line_fingerprint_bytes(text.encode("utf-8")) == expected


def test_sql_gives_the_vectors():
    names, texts, expected = zip(*vectors(), strict=True)
    assert dict(zip(names, in_sql(texts), strict=True)) == dict(zip(names, expected, strict=True))


def test_sql_of_null_is_null():
    assert in_sql([None]) == [None]


def test_both_strip_what_str_strip_strips_and_nothing_else():
    # Every character that is a space for anybody, and the neighbours of the ranges.
    spaces = {c for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF and chr(c).isspace()}
    candidates = sorted(spaces | {c + d for c in spaces for d in (-1, 1)} | {0x200B, 0x2060, 0xFEFF, 0x180E})
    texts = [f"{chr(c)}some text{chr(c)}" for c in candidates]
    stripped = [hashlib.md5(text.strip().encode()).hexdigest()[:16] for text in texts]
    assert [line_fingerprint(text) for text in texts] == stripped
    assert [line_fingerprint_bytes(text.encode()) for text in texts] == stripped
    assert in_sql(texts) == stripped


def test_bad_bytes_are_replaced():
    assert line_fingerprint_bytes(b"caf\xe9 au lait\r\n") == line_fingerprint("caf\ufffd au lait")


def test_a_lone_surrogate_counts_as_the_replacement_character():
    assert line_fingerprint("caf\ud83d au lait") == line_fingerprint("caf\ufffd au lait")
