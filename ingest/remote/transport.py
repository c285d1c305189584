"""Git commands that talk to another machine: no shell, no prompt, no secret in an argument or a file, an end in time.

The user's own ways in are used: credential helpers, askpass programs, ssh and its agent, certificates, proxies,
`url.*.insteadOf`. Nothing else of the user's settings changes what is fetched.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ingest.care.git_command import GitAnswer
from ingest.errors import IngestError
from ingest.files import printable
from ingest.registry import without_credentials
from ingest.remote.address import Address
from ingest.settings import setting

REMOTE = "ope-remote"  # a name that no setting of the user is about
KEPT_SAID = 4_000
PROGRESS_SHARE = re.compile(rb"(?:Receiving|Resolving) (?:objects|deltas):\s+\d+% \((\d+)/(\d+)\)")

_KEPT = re.compile(
    r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|PARAMETERS|KEY_\d+|VALUE_\d+)|EXEC_PATH|ASKPASS|SSH|SSH_COMMAND|"
    r"SSH_VARIANT|SSL_[A-Z_]+|PROXY_[A-Z_]+|HTTP_PROXY_[A-Z_]+)"
)
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.logAllRefUpdates=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.prune=false",
    "fetch.writeCommitGraph=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
    "protocol.version=2",
    "credential.interactive=false",
    # a transfer that stands still
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=120",
)
# Answers git with what stands in the environment of this one command; a helper's `store` and `erase` do nothing.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$OPE_REMOTE_USER" "$OPE_REMOTE_PASSWORD"; }; f'
)
_TELLING = re.compile(r"^(fatal|error|ERROR|remote):|denied|Could not resolve")
_NO_ACCESS = re.compile(
    r"could not read (Username|Password)|Authentication failed|Permission denied|terminal prompts disabled|"
    r"Host key verification failed|Access denied|returned error: 40[13]",
    re.IGNORECASE,
)


class RemoteError(IngestError):
    """The other machine did not give what was asked for. The sentence names it without any secret."""

    def __init__(self, address: Address, said: str) -> None:
        self.said = said
        if _NO_ACCESS.search(said):
            advice = (
                f"run `git ls-remote {address.url}` by hand until it works without asking (a credential helper, an ssh "
                "key), then try again"
            )
        else:
            advice = "check the URL and the network, then try again"
        super().__init__(f"{address.url} cannot be fetched ({said or 'git does not say why'}): {advice}.")


def talk(
    directory: Path,
    address: Address,
    *arguments: str,
    typed: bytes = b"",
    progress: Callable[[int, int], None] | None = None,
) -> GitAnswer:
    """Run git in `directory`, with remote `REMOTE` as `address`; `progress` gets objects received and expected.

    Raises RemoteError if it fails or takes longer than variable `remote_seconds`, IngestError if git cannot be started.
    """
    settings = [*_SETTINGS, f"remote.{REMOTE}.url={address.url}"]
    if address.password is not None:
        settings += ["credential.helper=", f"credential.{address.host}.helper={_HELPER}"]
    command = ["git", "--no-pager", *(part for each in settings for part in ("-c", each)), *arguments]
    seconds = setting("remote_seconds")
    try:
        with subprocess.Popen(
            command,
            cwd=directory,
            env=_environment(address),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            said = _Said(process.stderr, progress)
            process.stderr = None  # communicate() would read it too
            try:
                output, _ = process.communicate(typed, timeout=seconds)
            except BaseException as failure:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(failure, subprocess.TimeoutExpired):
                    raise
                raise RemoteError(address, f"it took longer than {seconds} seconds") from failure
            finally:
                said.close()
    except OSError as failure:
        raise IngestError("git cannot be started: install git and put it on the PATH.") from failure
    if process.returncode:
        raise RemoteError(address, said.reason())
    return GitAnswer(process.returncode, output, said.reason())


def _environment(address: Address) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)}
    kept |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "false",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    }
    if not sys.stdin or not sys.stdin.isatty():
        kept["GCM_INTERACTIVE"] = "never"  # a window that nobody sees
    if address.password is not None:
        kept |= {"OPE_REMOTE_USER": address.user or "", "OPE_REMOTE_PASSWORD": address.password}
    return kept


class _Said:
    """The end of standard error, read as it comes; what it says of its progress is passed on."""

    def __init__(self, stream: IO[bytes] | None, progress: Callable[[int, int], None] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._progress = progress
        self._end = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while block := self._stream.read1(1 << 14):  # type: ignore[attr-defined]
            self._end = (self._end + block)[-KEPT_SAID:]
            if self._progress and (shares := PROGRESS_SHARE.findall(block)):
                self._progress(int(shares[-1][0]), int(shares[-1][1]))

    def close(self) -> None:
        self._thread.join()
        self._stream.close()

    def reason(self) -> str:
        """The line that says what went wrong, without secrets that a setting of the user may have put into it."""
        lines = [line.strip() for line in re.split(r"[\r\n]+", os.fsdecode(self._end)) if line.strip()]
        telling = [line for line in lines if _TELLING.search(line)]
        return printable(without_credentials((telling or lines or [""])[0]))[:300]
