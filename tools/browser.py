"""A headless Chromium that tests and pictures of the report look through, driven over its own debugging pipe.

It tells what a page logs and asks for, takes pictures, and runs expressions in pages that allow no script themselves.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Nothing of the browser's own may ask for anything: what is seen comes from the page.
OPTIONS = (
    *("--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync"),
    *("--disable-extensions", "--mute-audio", "--no-default-browser-check", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
SECONDS = 60.0
# The browser wants its pipe as descriptors 3 and 4.
_EXEC = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_browser() -> str | None:
    """The path of a Chromium, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Seen:
    """What happened while a page was open: addresses that it asked for, and what it logged or was refused."""

    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class Browser:
    """One page, shown by `show`. To be used in a `with` block; raises RuntimeError where the browser ends by itself."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.TemporaryDirectory(prefix="ope-browser-", ignore_cleanup_errors=True)
        reads, self.writer = os.pipe()
        self.reader, writes = os.pipe()
        as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()
        command = [sys.executable, "-c", _EXEC, str(reads), str(writes), program, *OPTIONS, *as_root]
        self.process = subprocess.Popen(
            [*command, f"--user-data-dir={self.profile.name}", "about:blank"],
            pass_fds=(reads, writes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(writes)
        self.number = 0
        self.buffer = b""
        self.session: str | None = None
        self.seen = Seen()
        self.loaded = False

    def __enter__(self) -> Browser:
        target = next(target for target in self.call("Target.getTargets")["targetInfos"] if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait()
        os.close(self.reader)
        os.close(self.writer)
        self.profile.cleanup()

    def show(self, page: Path, width: int, *, dark: bool = False, media: str = "screen", height: int = 900) -> Seen:
        """Load the file anew, that wide (CSS pixels); what it asked for and logged until it was loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.seen, self.loaded = Seen(), False
        self.call("Page.navigate", url=page.resolve().as_uri())
        while not self.loaded:
            self._event(self._read())
        return self.seen

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page. Raises RuntimeError where it fails."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def picture(self, width: int, height: int) -> bytes:
        """PNG of the top of the page."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def print(self) -> bytes:
        """The page as PDF, on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True, "printBackground": True}
        return base64.b64decode(self.call("Page.printToPDF", **paper)["data"])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the DevTools protocol. Raises RuntimeError where the browser refuses it."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._event(answer)

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self.buffer:
            is_ready, _, _ = select.select([self.reader], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self.reader, 1 << 20) if is_ready else b""
            if not part:
                raise RuntimeError("the browser ended, or does not answer")
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def _event(self, event: dict[str, Any]) -> None:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.seen.requests.append(parameters["request"]["url"])
        elif method == "Log.entryAdded":
            self.seen.messages.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.seen.messages.append(json.dumps(parameters["args"]))
        elif method == "Runtime.exceptionThrown":
            self.seen.messages.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Page.loadEventFired":
            self.loaded = True
