"""docs/nightly.md: its recipes work as they stand, with the paths put in."""

from __future__ import annotations

import configparser
import plistlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ingest.paths import PRODUCT_ROOT

PAGE = (PRODUCT_ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
TIMER_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere"}


def recipe(language: str, number: int = 0) -> str:
    """The code block of a language, with this repository in the place of its path."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)[number].replace(
        "/path/to/ope", str(PRODUCT_ROOT)
    )


def reaches_the_program(command: str | list[str], data: Path, **options: object) -> bool:
    """Run it as a timer does, with nothing of this shell: the program says that nothing is registered."""
    done = subprocess.run(
        command, shell=isinstance(command, str), capture_output=True, text=True, check=False, **options
    )  # type: ignore[call-overload]
    assert done.returncode == 1, done.stderr
    return "add-project" in done.stdout + done.stderr + "".join(
        path.read_text() for path in data.rglob("metadata.json")
    )


def test_cron(tmp_path: Path) -> None:
    data = tmp_path / "my data"
    *schedule, command = recipe("cron").strip().replace("/path/to/data", str(data)).split(" ", 5)
    assert [re.fullmatch(r"\d+|\*", field) is not None for field in schedule] == [True] * 5
    assert reaches_the_program(command, data, env=TIMER_ENVIRONMENT, cwd="/")


def test_systemd(tmp_path: Path) -> None:
    service, timer = configparser.ConfigParser(interpolation=None), configparser.ConfigParser(interpolation=None)
    service.read_string(recipe("ini", 0).replace("/path/to/data", str(tmp_path)))
    timer.read_string(recipe("ini", 1))
    variable = service["Service"]["Environment"].strip('"')
    command = service["Service"]["ExecStart"]
    environment = TIMER_ENVIRONMENT | dict([variable.split("=", 1)])
    assert reaches_the_program(command, tmp_path, env=environment, cwd=service["Service"]["WorkingDirectory"])
    assert timer["Timer"]["Persistent"] == "true"
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not there to read its own syntax; the command itself was run")
    calendar = ["systemd-analyze", "calendar", timer["Timer"]["OnCalendar"]]
    assert subprocess.run(calendar, capture_output=True, check=False).returncode == 0


def test_launchd(tmp_path: Path) -> None:
    job = plistlib.loads(recipe("xml").replace("/path/to/data", str(tmp_path)).encode())
    assert reaches_the_program(
        job["ProgramArguments"], tmp_path, env=job["EnvironmentVariables"], cwd=job["WorkingDirectory"]
    )
    assert set(job["StartCalendarInterval"]) == {"Hour", "Minute"}
