"""The pipe to the browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import browser


def test_a_browser_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "SECONDS", 0.1)
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    silent = browser.Browser(str(program))
    try:
        with pytest.raises(RuntimeError, match="does not answer"):
            silent.call("Target.getTargets")
        assert silent.process.poll() is None
    finally:
        silent.__exit__(None, None, None)
