"""Versions of what lies in a data directory, and the way from an older one to this program's (docs/versions.md)."""
