"""Secrets out of session logs and free text: the engine, its rules (`seeds/privacy`) and the key of the tokens."""

from ingest.redaction.engine import DEFAULT_RULES, KEY_BYTES, TOKEN, Finding, Redactor, load_redactor
from ingest.redaction.key import load_or_create_key

__all__ = ["DEFAULT_RULES", "KEY_BYTES", "TOKEN", "Finding", "Redactor", "load_or_create_key", "load_redactor"]
