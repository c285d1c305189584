"""OPE's ingester: archive, redact and land agent sessions and git history. No analysis, no business rules."""

__version__ = "0.1.0"
