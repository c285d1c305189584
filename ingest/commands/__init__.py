"""The commands of `python -m ingest`, a module per topic: each parses, calls one function, and prints."""
