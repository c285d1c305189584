"""What points at commits, and how the commits hang together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.errors import IngestError
from ingest.files import printable
from ingest.git_stream import Repository, StreamBroken, object_kinds, process, read_objects

# Bookkeeping of tools, not work on the project: the stash, notes on commits, replacements of objects.
_NO_HISTORY = ("refs/stash", "refs/notes/", "refs/replace/")
_OBJECT_NAME = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Refs:
    """What points at commits. `tips` are (ref, object name): the default branch first, then by name,
    then detached heads."""

    tips: list[tuple[str, str]]
    shallow: frozenset[str]
    warnings: list[str] = field(default_factory=list)


@dataclass
class Graph:
    """Commit → (committer time in seconds, parents in the graph), and the commits that should be there but are not."""

    commits: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def read_refs(repository: Repository) -> Refs:
    """All refs (local, remote, pull requests, tags) and detached heads. Raises IngestError if git refuses to read."""
    try:
        with process(repository, ["for-each-ref", "--format=%(objectname) %(refname) %(symref)"]) as stream:
            listed = [line.decode("utf-8", "replace").split(" ") for line in stream.lines()]
            said = stream.said()
        with process(repository, ["worktree", "list", "--porcelain"]) as stream:
            heads = [line[5:].decode("ascii", "replace") for line in stream.lines() if line.startswith(b"HEAD ")]
    except StreamBroken as error:
        raise IngestError(f"Git cannot read {printable(str(repository.git_dir))}: {error}") from error
    tips = {name: target for target, name, symbolic, *_ in listed if not symbolic and not name.startswith(_NO_HISTORY)}
    first = _default_refs(repository, {name: symbolic for _, name, symbolic, *_ in listed if symbolic})
    order = sorted(tips, key=lambda name: (first.index(name) if name in first else len(first), name))
    known = set(tips.values())
    # A commit that only a detached head holds; an unborn branch is listed with zeros.
    detached = sorted({head for head in heads if head not in known and _OBJECT_NAME.fullmatch(head) and int(head, 16)})
    return Refs(
        tips=[(name, tips[name]) for name in order] + [("HEAD", head) for head in detached],
        shallow=_shallow(repository),
        warnings=[line for line in said.split(" · ") if line],
    )


def _default_refs(repository: Repository, symbolic: dict[str, str]) -> list[str]:
    """The default branch: what the remote calls it (origin before others), else the branch that is checked out."""
    for name in sorted(symbolic, key=lambda name: (name != "refs/remotes/origin/HEAD", name)):
        if name.startswith("refs/remotes/") and name.endswith("/HEAD"):
            prefix = name[: -len("HEAD")]
            if symbolic[name].startswith(prefix):
                return ["refs/heads/" + symbolic[name][len(prefix) :], symbolic[name]]
    with process(repository, ["symbolic-ref", "-q", "HEAD"]) as stream:
        return [line.decode("utf-8", "replace") for line in stream.out.read().splitlines()]


def _shallow(repository: Repository) -> frozenset[str]:
    try:
        return frozenset((repository.git_dir / "shallow").read_text("ascii", "replace").split())
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise IngestError(
            f"{printable(str(repository.git_dir))}/shallow cannot be read ({error.strerror}): change its permissions."
        ) from error


def read_graph(repository: Repository, refs: Refs) -> tuple[Graph, dict[str, str]]:
    """The graph of all commits that the refs reach, and for each commit the first ref (in order) that reaches it."""
    peeled, missing = _peel(repository, refs)
    graph = Graph(missing=missing)
    try:
        with process(
            repository,
            ["rev-list", "--parents", "--timestamp", "--stdin"],
            (f"{sha}\n".encode() for sha in dict.fromkeys(sha for _, sha in peeled)),
        ) as stream:
            names: dict[str, str] = {}
            for line in stream.lines():
                time, *shas = line.decode("ascii", "replace").split(" ")
                # One text object per commit, however many children name it.
                sha, *parents = (names.setdefault(name, name) for name in shas)
                graph.commits[sha] = (int(time), tuple(parents))
    except StreamBroken:
        graph = _walk(repository, [sha for _, sha in peeled], refs.shallow, missing)
    return graph, reaching(graph, peeled)


def reaching(graph: Graph, tips: Sequence[tuple[str, str]]) -> dict[str, str]:
    """For each commit of the graph the first ref, in the order of `tips` (ref, commit), that reaches it."""
    source: dict[str, str] = {}
    for ref, tip in tips:
        stack = [tip]
        while stack:
            sha = stack.pop()
            if sha not in source and sha in graph.commits:
                source[sha] = ref
                stack.extend(graph.commits[sha][1])
    return source


def _peel(repository: Repository, refs: Refs) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """(ref, commit) per tip, annotated tags followed, what is no commit left out; and what is missing, with its ref."""
    peeled, missing = [], {}
    wanted = (f"{target}^{{commit}}\n".encode() for _, target in refs.tips)
    with process(repository, ["cat-file", "--batch-check", "--buffer"], wanted) as stream:
        for ref, target in refs.tips:
            answer = stream.out.readline().decode("utf-8", "replace").split()
            if len(answer) == 3 and answer[1] == "commit":
                peeled.append((ref, answer[0]))
            else:
                missing[target] = ref
    for target, kind in object_kinds(repository, missing):
        # A tag of a file or a tree is no history, and no damage.
        if kind in ("blob", "tree", "tag"):
            del missing[target]
    return peeled, missing


def _walk(repository: Repository, tips: Sequence[str], shallow: frozenset[str], missing: dict[str, str]) -> Graph:
    """The graph of a damaged repository, generation by generation: goes on where `rev-list` gives up."""
    graph = Graph(missing=dict(missing))
    level = list(dict.fromkeys(tips))
    seen = set(level)
    while level:
        parents_of_level: list[str] = []
        for sha, content in read_objects(repository, level):
            if content is None:
                graph.missing.setdefault(sha, "")
                continue
            head = content.split(b"\n\n", 1)[0].split(b"\n")
            parents = tuple(line[7:].decode("ascii", "replace") for line in head if line.startswith(b"parent "))
            time = re.search(rb"\ncommitter [^\n]*> (\d{1,18}) ", content)
            graph.commits[sha] = (int(time[1]) if time else 0, () if sha in shallow else parents)
            parents_of_level.extend(() if sha in shallow else parents)
        level = [sha for sha in dict.fromkeys(parents_of_level) if sha not in seen]
        seen.update(level)
    return graph
