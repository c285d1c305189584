"""Fake secrets, assembled at run time so that no scanner finds one in the source. They open nothing."""

from __future__ import annotations

from ingest.sample.transcript import make_token


def planted_secrets() -> tuple[str, str]:
    """A cloud access key id (16 letters after the prefix) and a code host's token (36 characters after the prefix)."""
    letters = make_token("sample access key", 64).upper()
    access_key = "".join(("AK", "IA")) + letters.translate(str.maketrans("0189", "QRST"))[:16]
    return access_key, "_".join(("ghp", make_token("sample token", 36)))
