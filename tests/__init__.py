"""Tests and benchmarks. A package, so that `python -m tests.bench` and the tests share their helpers."""
