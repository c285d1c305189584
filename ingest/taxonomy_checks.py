"""What a taxonomy must be: a tree, rules that point to its leaves and do not clash, one version.

And what a change of it means: `required_version` is the rule of docs/taxonomies.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import printable
from ingest.regexes import regex_problems
from ingest.taxonomy import (
    SEEDS,
    VERSION,
    Row,
    Seed,
    Taxonomy,
    difference,
    read_document,
    read_seed,
    read_taxonomies,
    taxonomy_of,
    unknown_keys,
    write_seeds,
)

# Columns that say when a rule fits (an empty cell fits everything), or which of two uses it has. All others say what it
# means.
CONDITIONS = frozenset(
    (
        "tool_name",
        "program",
        "subcommand",
        "pattern",
        "keyword",
        "keywords",
        "position",
        "signal",
        "message_kind",
        "is_explicit",
    )
)
PATTERN = "pattern"

_NODE_ID = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


@dataclass
class Checked:
    """What a check found: sentences about what is wrong, the diff of the seeds, and the seeds that were written."""

    taxonomies: list[str] = field(default_factory=list)
    nodes: int = 0
    rules: int = 0
    problems: list[str] = field(default_factory=list)
    diff: str = ""
    written: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Is something wrong, or do files and seeds differ still?"""
        return bool(self.problems or (self.diff and not self.written))


def check(files: tuple[Path, ...] = (), seeds: Path = SEEDS, *, write: bool = False) -> Checked:
    """Validate the seeds and, where given, documents against them; `write` puts what the documents say into the seeds.

    Nothing is written where anything is wrong. Raises IngestError for a file that cannot be read as what it should be.
    """
    taxonomies = {taxonomy.name: taxonomy for taxonomy in read_taxonomies(seeds)}
    checked = Checked(taxonomies=sorted(taxonomies))
    for taxonomy in taxonomies.values():
        checked.nodes += len(taxonomy.tree.rows)
        checked.rules += sum(len(seed.rows) for seed in taxonomy.parts)
        checked.problems += seed_problems(taxonomy)
    checked.problems += loose_problems(seeds, list(taxonomies.values()))
    changes = []
    for path in files:
        document = read_document(path)
        present = taxonomies.get(document["taxonomy"])
        if present is None:
            raise IngestError(f"{printable(str(path))}: {seeds} has no seeds of the taxonomy {document['taxonomy']}.")
        wanted = taxonomy_of(document, present)
        diff = difference(present, wanted)
        if not diff and not unknown_keys(document, present):
            continue
        found = [f"{key}: no seed has such a column." for key in unknown_keys(document, present)]
        found += seed_problems(wanted)
        needed = required_version(present, wanted)
        if needed:
            found.append(f"version {wanted.version}: this change needs {needed} or later.")
        checked.problems += [f"{printable(str(path))}: {sentence}" for sentence in found]
        checked.diff += diff
        changes.append((present, wanted))
    if write and not checked.problems:
        for present, wanted in changes:
            checked.written += [str(path) for path in write_seeds(present, wanted)]
    return checked


def seed_problems(taxonomy: Taxonomy) -> list[str]:
    """What is wrong with the seeds of a taxonomy; each sentence names the seed and the line."""
    return [
        *_tree_problems(taxonomy),
        *_version_problems(taxonomy),
        *(problem for seed in taxonomy.parts for problem in _rule_problems(taxonomy, seed)),
        *(problem for seed in (*taxonomy.parts, *taxonomy.others) for problem in _pattern_problems(seed)),
    ]


def loose_problems(seeds: Path, taxonomies: list[Taxonomy]) -> list[str]:
    """What is wrong with the other seeds of the directory: a pattern, or versions that differ within one."""
    known = {seed.path for taxonomy in taxonomies for seed in taxonomy.seeds}
    problems: list[str] = []
    for path in sorted(seeds.glob("*.csv")):
        if path not in known:
            seed = read_seed(path)
            problems += _pattern_problems(seed)
            problems += _seed_version_problems(seed, seed) if VERSION in seed.columns else ()
    return problems


def required_version(before: Taxonomy, after: Taxonomy) -> str | None:
    """The lowest version that the change may have; None where `after` has it, or where only the version differs.

    Major: an id is gone or has another parent. Minor: an id is new, or rules or other columns decide differently.
    Patch: descriptions only.
    """
    parents = [
        {row[taxonomy.id_column]: row[taxonomy.parent_column] for row in taxonomy.tree.rows}
        for taxonomy in (before, after)
    ]
    if any(parents[1].get(identifier) != parent for identifier, parent in parents[0].items()):
        level = 0
    elif _decisive(before) != _decisive(after):
        level = 1
    elif _content(before) != _content(after):
        level = 2
    else:
        return None
    old, new = _VERSION.fullmatch(before.version), _VERSION.fullmatch(after.version)
    if not old or not new:
        return None
    numbers = [int(number) for number in old.groups()]
    needed = [*numbers[:level], numbers[level] + 1, *([0] * (2 - level))]
    return None if [int(number) for number in new.groups()] >= needed else ".".join(map(str, needed))


def _tree_problems(taxonomy: Taxonomy) -> Iterator[str]:
    tree = taxonomy.tree
    parents: dict[str, str] = {}
    ranks: dict[str, str] = {}
    for row, where in _placed(tree):
        identifier, parent = row[taxonomy.id_column], row[taxonomy.parent_column]
        if not _NODE_ID.fullmatch(identifier):
            yield f"{where}: {identifier!r} is no id; use lower-case words with a dot between the levels."
        if identifier in parents:
            yield f"{where}: {identifier} stands there twice."
        elif parent and not identifier.startswith(f"{parent}."):
            yield f"{where}: {identifier} must begin with its parent's id, {parent}."
        elif not parent and "." in identifier:
            yield f"{where}: {identifier} has no parent; a node at the top has no dot in its id."
        parents.setdefault(identifier, parent)
        rank = row.get("decisive_rank", "")
        if rank and not rank.isdigit():
            yield f"{where}: the rank {rank!r} is no whole number."
        elif rank in ranks:
            yield f"{where}: {identifier} and {ranks[rank]} have the same rank, {rank}."
        elif rank:
            ranks[rank] = identifier
        if not row.get("description", "?"):
            yield f"{where}: {identifier} has no description."
    for row, where in _placed(tree):
        identifier, parent = row[taxonomy.id_column], row[taxonomy.parent_column]
        if parent and parent not in parents:
            yield f"{where}: the parent {parent} of {identifier} does not exist."
        seen = [identifier]
        while (above := parents.get(seen[-1], "")) and above not in seen:
            seen.append(above)
        if above:
            yield f"{where}: {' → '.join([*seen, above])} is a circle."


def _version_problems(taxonomy: Taxonomy) -> Iterator[str]:
    if not taxonomy.tree.rows:
        yield f"{taxonomy.tree.path.name}: has no rows."
    for seed in taxonomy.seeds:
        yield from _seed_version_problems(seed, taxonomy.tree)


def _seed_version_problems(seed: Seed, first: Seed) -> Iterator[str]:
    wanted = first.rows[0][VERSION] if first.rows else ""
    for row, where in _placed(seed):
        if not _VERSION.fullmatch(row[VERSION]):
            yield f"{where}: {row[VERSION]!r} is no version; write it as 1.2.3."
        elif row[VERSION] != wanted:
            yield f"{where}: version {row[VERSION]}, but {first.path.name} begins with {wanted}."


def _rule_problems(taxonomy: Taxonomy, seed: Seed) -> Iterator[str]:
    leaves = taxonomy.leaves()
    conditions = [column for column in seed.columns if column in CONDITIONS]
    has_priority = "priority" in seed.columns
    earlier: dict[str, list[tuple[Row, int]]] = {}
    names: dict[str, int] = {}
    for row, where, line in zip(seed.rows, (where for _, where in _placed(seed)), seed.lines, strict=True):
        target = row[taxonomy.id_column]
        if target not in leaves:
            known = {node[taxonomy.id_column] for node in taxonomy.tree.rows}
            what = "is no leaf; point to one of its children" if target in known else "does not exist"
            yield f"{where}: {target!r} {what}."
        if name := row.get("rule_id"):
            if name in names:
                yield f"{where}: {name} stands on line {names[name]} too."
            names.setdefault(name, line)
        priority = row.get("priority", "")
        if has_priority and not priority.isdigit():
            yield f"{where}: the priority {priority!r} is no whole number."
        if not conditions:
            continue
        for other, other_line in earlier.get(priority, ()):
            if _could_both_fit(row, other, conditions, exactly=not has_priority):
                same = f"both have priority {priority} and" if has_priority else "both"
                yield f"{where}: this rule and that of line {other_line} {same} fit the same input."
        earlier.setdefault(priority, []).append((row, line))


def _could_both_fit(row: Row, other: Row, conditions: list[str], *, exactly: bool) -> bool:
    """No condition tells the two apart. Two different patterns are taken to."""
    pairs = [(row[column], other[column]) for column in conditions]
    return all(mine == yours or (not exactly and not (mine and yours)) for mine, yours in pairs)


def _pattern_problems(seed: Seed) -> Iterator[str]:
    if PATTERN not in seed.columns:
        return
    for row, where in _placed(seed):
        for problem in regex_problems(row[PATTERN]) if row[PATTERN] else ():
            yield f"{where}: the pattern is not one for RE2 and Java: {problem}."


def _placed(seed: Seed) -> Iterator[tuple[Row, str]]:
    for row, line in zip(seed.rows, seed.lines, strict=True):
        yield row, f"{seed.path.name}, line {line}"


def _decisive(taxonomy: Taxonomy) -> list[list[tuple[str, ...]]]:
    """All cells but descriptions and versions."""
    return [
        sorted(
            tuple(row[column] for column in seed.columns if column not in ("description", VERSION)) for row in seed.rows
        )
        for seed in taxonomy.seeds
    ]


def _content(taxonomy: Taxonomy) -> list[list[tuple[str, ...]]]:
    return [
        sorted(tuple(row[column] for column in seed.columns if column != VERSION) for row in seed.rows)
        for seed in taxonomy.seeds
    ]
