"""A repository of any size in seconds, always the same one: for benchmarks and for tests that need a real history."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FIRST_SECOND = 1_760_000_000
FILES = 400
WORDS = tuple(
    f"{verb}_{noun}" for verb in ("load", "read", "write", "join", "count") for noun in ("row", "page", "key")
)


def make_repository(path: Path, commits: int, seed: int = 1) -> Path:
    """Make a bare repository at `path` with `commits` commits on `main`, about one in twelve of them a merge.

    The same arguments give the same commit names on every machine.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    subprocess.run(
        ["git", "init", "--quiet", "--bare", "--initial-branch=main", "--", str(path)], check=True, env=environment
    )
    loader = subprocess.Popen(
        ["git", "-C", str(path), "fast-import", "--quiet", "--date-format=raw"], stdin=subprocess.PIPE, env=environment
    )
    assert loader.stdin is not None
    with loader.stdin as feed:
        feed.writelines(_stream(commits, random.Random(seed)))
    if loader.wait():
        raise RuntimeError(f"git fast-import ended with status {loader.returncode}")
    return path


def _stream(commits: int, chance: random.Random) -> Iterator[bytes]:
    files: dict[str, list[str]] = {}
    side: int | None = None
    for number in range(1, commits + 1):
        is_merge = side is not None and chance.random() < 0.5
        is_side = not is_merge and side is None and number > 2 and number < commits and chance.random() < 0.2
        yield _header(number, "refs/heads/side" if is_side else "refs/heads/main", chance)
        if is_side:
            # A branch of one commit, merged soon after: it adds a file of its own.
            yield f"from :{number - 1}\n".encode()
            lines = _lines(chance, chance.randint(3, 30))
            yield _file(f"side/part_{number}.py", lines)
            side = number
            continue
        if number > 1:
            yield f"from :{_before(number, side)}\n".encode()
        if is_merge:
            assert side is not None
            yield f"merge :{side}\n".encode() + _file(f"side/part_{side}.py", _lines(chance, 5))
            side = None
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
            name = f"src/area_{chance.randrange(20)}/module_{chance.randrange(FILES // 20)}.py"
            lines = files.setdefault(name, _lines(chance, chance.randint(20, 120)))
            if chance.random() < 0.02 and len(files) > 1:
                yield f"D {name}\n".encode()
                del files[name]
                continue
            at = chance.randrange(len(lines))
            lines[at : at + chance.randrange(6)] = _lines(chance, chance.randint(1, 12))
            yield _file(name, lines)
        yield b"\n"


def _before(number: int, side: int | None) -> int:
    """The last commit on `main`: the one before, unless that one is the side branch."""
    return number - 2 if side == number - 1 else number - 1


def _header(number: int, ref: str, chance: random.Random) -> bytes:
    who = f"Person {chance.randrange(5)} <person@example.com> {FIRST_SECOND + number * 600} +0{chance.randrange(10)}00"
    message = f"feat: {chance.choice(WORDS)} {number}\n\nWhy it is needed, in a line or two.\n"
    return f"commit {ref}\nmark :{number}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n{message}\n".encode()


def _file(name: str, lines: list[str]) -> bytes:
    content = "".join(f"{line}\n" for line in lines).encode()
    return f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n"


def _lines(chance: random.Random, count: int) -> list[str]:
    return [f"    {chance.choice(WORDS)} = {chance.choice(WORDS)}({chance.randrange(10**6)})" for _ in range(count)]


if __name__ == "__main__":
    make_repository(Path(sys.argv[1]), int(sys.argv[2]))
