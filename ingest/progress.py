"""How a long run tells somebody how far it is."""

from __future__ import annotations

from collections.abc import Callable

# What is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def prefixed(progress: Progress | None, prefix: str) -> Progress | None:
    """The same with `prefix` before what is being done; None where nobody listens."""
    return (lambda what, done, total: progress(prefix + what, done, total)) if progress else None


def labelled(progress: Progress | None, label: str) -> Callable[[int, int], None] | None:
    """A function that reports what is done and how much there is under `label`; None where nobody listens."""
    return (lambda done, total: progress(label, done, total)) if progress else None
