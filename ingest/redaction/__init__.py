"""Secrets out of session logs and free text: the engine, its rules (`seeds/privacy`) and the key of the tokens."""

from ingest.redaction.engine import DEFAULT_RULES, KEY_BYTES, Finding, Redactor, load_redactor
from ingest.redaction.key import load_or_create_key
from ingest.redaction.rules import TOKEN, TOKEN_BYTES

__all__ = [
    "DEFAULT_RULES",
    "KEY_BYTES",
    "TOKEN",
    "TOKEN_BYTES",
    "Finding",
    "Redactor",
    "load_or_create_key",
    "load_redactor",
]
