"""The address of a repository on another machine, apart from whatever lets one in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from ingest.errors import IngestError
from ingest.files import printable

SCHEMES = ("https", "http", "ssh", "git", "file")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# user@host:path, as ssh has it
_SHORT = re.compile(r"(?P<user>[A-Za-z0-9][A-Za-z0-9._-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^\s:][^\s]*)")
_HIDDEN = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Address:
    """Where to fetch from. `url` holds no secret and may be stored and shown; the rest is for one command only."""

    url: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """Scheme, host and port, for which the user and the password are."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def is_address(text: str) -> bool:
    """Whether a text names a repository on another machine (or a `file://` one) and not a path."""
    return _URL.match(text) is not None or _SHORT.fullmatch(text) is not None


def parse_address(text: str) -> Address:
    """Take an address apart. Raises IngestError, which never repeats it, for one that cannot be used or kept."""
    if _HIDDEN.search(text) or printable(text) != text:
        raise IngestError("The URL of --repo holds blanks or control characters: give it as `git clone` takes it.")
    if _SHORT.fullmatch(text):
        return Address(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise IngestError(
            "The URL of --repo cannot be read: give it without user and password; git's credential helper is asked "
            "for them."
        ) from error
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise IngestError(f"The URL of --repo begins with {scheme}://: give one of {', '.join(SCHEMES)}.")
    if parts.query or parts.fragment:
        raise IngestError("The URL of --repo has a part after ? or #, which may be a secret: give it without.")
    if scheme != "file" and (not host or host.startswith("-")):
        raise IngestError("The URL of --repo names no host: give it as `git clone` takes it.")
    if "@" in parts.path:
        # A password with a slash in it ends up here.
        raise IngestError("The URL of --repo has an @ after its host: give it without user and password.")
    return _clean(parts, scheme, host, port)


def _clean(parts: SplitResult, scheme: str, host: str, port: int | None) -> Address:
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place += f":{port}"
    user = parts.username
    if scheme == "ssh" and user:
        # ssh needs the user, and takes no password from a URL.
        place = f"{user}@{place}"
    url = f"{scheme}://{place}{parts.path}"
    if scheme not in ("http", "https") or user is None:
        return Address(url)
    return Address(url, unquote(user), unquote(parts.password or ""))
