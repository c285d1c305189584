"""Taxonomies: the CSV seeds, which are the truth, and the nested JSON documents that are written from them.

A taxonomy `NAME` is the seed `NAME_taxonomy.csv` (a row per node: `NAME_id`, `parent_NAME_id`, further columns) and the
other seeds `NAME_*.csv` with a column `NAME_id`: rules, which stand in the document under the node that they point to.
Columns are taken from the headers; the JSON schemas in `schemas/` say which of them are numbers or booleans.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from ingest.errors import IngestError
from ingest.files import printable, write_atomically
from ingest.paths import PRODUCT_ROOT

SEEDS = PRODUCT_ROOT / "seeds" / "taxonomy"
SCHEMAS = PRODUCT_ROOT / "ingest" / "schemas"
SCHEMA_SUFFIX = "-taxonomy.schema.json"
TREE_SUFFIX = "_taxonomy"
VERSION = "taxonomy_version"
DOCUMENT_VERSION = 1
SEED_MODE = 0o644

Row = dict[str, str]


@dataclass
class Seed:
    """A CSV seed: its header, its rows, and for each row the line it begins on and its text."""

    path: Path
    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def part(self) -> str:
        """The name without that of the taxonomy: `rules` of `action_rules`."""
        return self.path.stem.partition("_")[2]

    def text(self) -> str:
        """The whole file, as it was read."""
        return ",".join(self.columns) + "\n" + "".join(self.texts)


@dataclass
class Taxonomy:
    """The seeds of one taxonomy: the tree, what points into it, and what only bears its version."""

    name: str
    tree: Seed
    parts: list[Seed]
    others: list[Seed]

    @property
    def id_column(self) -> str:
        return f"{self.name}_id"

    @property
    def parent_column(self) -> str:
        return f"parent_{self.name}_id"

    @property
    def seeds(self) -> list[Seed]:
        return [self.tree, *self.parts, *self.others]

    @property
    def version(self) -> str:
        return self.tree.rows[0].get(VERSION, "") if self.tree.rows else ""

    @property
    def document_name(self) -> str:
        return f"{self.name}-taxonomy.json"

    def leaves(self) -> set[str]:
        """The ids that are nobody's parent."""
        parents = {row[self.parent_column] for row in self.tree.rows}
        return {row[self.id_column] for row in self.tree.rows} - parents


def read_taxonomies(seeds: Path = SEEDS) -> list[Taxonomy]:
    """All taxonomies of a directory of seeds. Raises IngestError for a file that is no seed of a taxonomy."""
    found = []
    for path in sorted(seeds.glob(f"*{TREE_SUFFIX}.csv")):
        name = path.stem.removesuffix(TREE_SUFFIX)
        tree = read_seed(path)
        beside = [read_seed(other) for other in sorted(seeds.glob(f"{name}_*.csv")) if other != path]
        taxonomy = Taxonomy(
            name,
            tree,
            parts=[seed for seed in beside if f"{name}_id" in seed.columns],
            others=[seed for seed in beside if f"{name}_id" not in seed.columns and VERSION in seed.columns],
        )
        for seed in (tree, *taxonomy.parts):
            wanted = [taxonomy.id_column, VERSION] + ([taxonomy.parent_column] if seed is tree else [])
            missing = [column for column in wanted if column not in seed.columns]
            if missing:
                raise IngestError(f"{seed.path}, line 1: column {' and '.join(missing)} is missing; add it.")
        found.append(taxonomy)
    if not found:
        raise IngestError(f"{printable(str(seeds))} holds no *{TREE_SUFFIX}.csv: give the directory of the seeds.")
    return found


def read_seed(path: Path) -> Seed:
    """Read a CSV seed. Raises IngestError, with the line, where it is no CSV with as many cells as its header."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise IngestError(f"{printable(str(path))} cannot be read ({error}): restore the file.") from error
    physical = text.replace("\r\n", "\n").splitlines(keepends=True)
    if physical and not physical[-1].endswith("\n"):
        physical[-1] += "\n"
    reader = csv.reader(physical, strict=True)
    seed: Seed | None = None
    line = 0
    try:
        for cells in reader:
            if seed is None:
                seed = Seed(path, cells)
            elif len(cells) != len(seed.columns):
                raise IngestError(f"{path}, line {line + 1}: {len(cells)} cells, the header has {len(seed.columns)}.")
            else:
                seed.rows.append(dict(zip(seed.columns, cells, strict=True)))
                seed.lines.append(line + 1)
                seed.texts.append("".join(physical[line : reader.line_num]))
            line = reader.line_num
    except csv.Error as error:
        raise IngestError(f"{path}, line {line + 1}: no CSV ({error}); quote cells with commas or quotes.") from error
    if seed is None:
        raise IngestError(f"{path} is empty: restore the file.")
    return seed


def document_of(taxonomy: Taxonomy) -> dict[str, Any]:
    """The nested document: version, then nodes with their children and what points to them, in the seeds' order."""
    types = _column_types(taxonomy.name)
    children: dict[str, list[Row]] = {}
    for row in taxonomy.tree.rows:
        children.setdefault(row[taxonomy.parent_column], []).append(row)
    pointing = {
        seed.part: {
            identifier: [row for row in seed.rows if row[taxonomy.id_column] == identifier]
            for identifier in dict.fromkeys(row[taxonomy.id_column] for row in seed.rows)
        }
        for seed in taxonomy.parts
    }
    left_out = {taxonomy.id_column, taxonomy.parent_column, VERSION}

    def values(row: Row) -> dict[str, Any]:
        return {key: _to_json(text, types.get(key)) for key, text in row.items() if text and key not in left_out}

    def node(row: Row) -> dict[str, Any]:
        identifier = row[taxonomy.id_column]
        lists = {part: [values(rule) for rule in rules.get(identifier, ())] for part, rules in pointing.items()}
        below = [node(child) for child in children.get(identifier, ())]
        return {"id": identifier, **values(row), "children": below} | {
            part: rules for part, rules in lists.items() if rules
        }

    return {
        "document_version": DOCUMENT_VERSION,
        "taxonomy": taxonomy.name,
        "version": taxonomy.version,
        "nodes": [node(row) for row in children.get("", ())],
    }


def export(directory: Path, seeds: Path = SEEDS) -> list[Path]:
    """Write a document for each taxonomy; returns their paths. Raises IngestError where a file cannot be read."""
    written = []
    for taxonomy in read_taxonomies(seeds):
        path = directory / taxonomy.document_name
        write_atomically(path, (json.dumps(document_of(taxonomy), indent=2, ensure_ascii=False) + "\n").encode())
        written.append(path)
    return written


def read_document(path: Path) -> dict[str, Any]:
    """A document that follows its schema. Raises IngestError, with the place in it, for any other."""
    shown = printable(str(path))
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise IngestError(f"{shown} cannot be read ({error.strerror}): give a file that `export` wrote.") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise IngestError(f"{shown} is no JSON ({error}): correct it and try again.") from error
    name = document.get("taxonomy") if isinstance(document, dict) else None
    known = sorted(schema.name.removesuffix(SCHEMA_SUFFIX) for schema in SCHEMAS.glob(f"*{SCHEMA_SUFFIX}"))
    if name not in known:
        raise IngestError(f"{shown} is no taxonomy: its key `taxonomy` must be one of {', '.join(known)}.")
    errors = sorted(_validator(name).iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        where = "/".join(map(str, errors[0].absolute_path)) or "the whole file"
        raise IngestError(f"{shown} does not follow its schema at {where}: {errors[0].message}; correct it.")
    return document


def taxonomy_of(document: Mapping[str, Any], present: Taxonomy) -> Taxonomy:
    """The taxonomy that a document describes, in the columns and, where nothing changed, the order of `present`."""
    nodes = list(_walk(document["nodes"], ""))
    version = document["version"]
    tree_rows = [
        _row(present.tree, {**node, present.id_column: node["id"], present.parent_column: parent, VERSION: version})
        for node, parent in nodes
    ]
    parts = []
    for seed in present.parts:
        rows = [
            _row(seed, {**rule, present.id_column: node["id"], VERSION: version})
            for node, _ in nodes
            for rule in node.get(seed.part, ())
        ]
        parts.append(_rebuilt(seed, rows))
    others = [_rebuilt(seed, [{**row, VERSION: version} for row in seed.rows]) for seed in present.others]
    return Taxonomy(present.name, _rebuilt(present.tree, tree_rows, key=present.id_column), parts, others)


def unknown_keys(document: Mapping[str, Any], present: Taxonomy) -> list[str]:
    """Keys of the document for which no seed has a column, with the node: what would be lost on the way."""
    tree_keys = {"id", "children", *present.tree.columns, *(seed.part for seed in present.parts)}
    found = []
    for node, _ in _walk(document["nodes"], ""):
        found += [f"{node['id']}: {key}" for key in node if key not in tree_keys]
        for seed in present.parts:
            found += [
                f"{node['id']}, {seed.part}: {key}"
                for rule in node.get(seed.part, ())
                for key in rule
                if key not in seed.columns
            ]
    return found


def difference(before: Taxonomy, after: Taxonomy) -> str:
    """A unified diff of the seeds, empty where they are the same."""
    diffs = []
    for old, new in zip(before.seeds, after.seeds, strict=True):
        path = old.path.name
        lines = difflib.unified_diff(
            old.text().splitlines(keepends=True), new.text().splitlines(keepends=True), f"a/{path}", f"b/{path}"
        )
        diffs.append("".join(lines))
    return "".join(diffs)


def write_seeds(before: Taxonomy, after: Taxonomy) -> list[Path]:
    """Write the seeds that differ; returns their paths."""
    changed = []
    for old, new in zip(before.seeds, after.seeds, strict=True):
        if old.text() != new.text():
            write_atomically(old.path, new.text().encode(), SEED_MODE)
            changed.append(old.path)
    return changed


def _walk(nodes: Sequence[Mapping[str, Any]], parent: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for node in nodes:
        yield node, parent
        yield from _walk(node.get("children", ()), node["id"])


def _row(seed: Seed, values: Mapping[str, Any]) -> Row:
    return {column: _to_text(values.get(column)) for column in seed.columns}


def _rebuilt(seed: Seed, rows: list[Row], key: str | None = None) -> Seed:
    """A seed of these rows. A row that was there keeps its place and its text; a new one follows its neighbour.

    The neighbour is the last row of a lower or the same priority or, without priorities, the row that stands before the
    new one in the document. A row is recognised by all but its version, else by `key`, `rule_id` or priority.
    """
    places = _places(seed, rows, key)
    ordered: list[tuple[tuple[float, int], Row]] = []
    last = -1.0
    for number, (row, place) in enumerate(zip(rows, places, strict=True)):
        if place is None:
            before = _neighbour(seed, row)
            position = (last if before is None else before) + 0.5
        else:
            position = last = float(place)
        ordered.append(((position, number), row))
    ordered.sort(key=lambda item: item[0])
    rebuilt = Seed(seed.path, seed.columns)
    texts = {_signature(row): text for row, text in zip(seed.rows, seed.texts, strict=True)}
    for _, row in ordered:
        rebuilt.rows.append(row)
        rebuilt.lines.append(1 + sum(text.count("\n") for text in rebuilt.texts) + 1)
        rebuilt.texts.append(texts.get(_signature(row)) or _csv_line(list(row.values())))
    return rebuilt


def _places(seed: Seed, rows: list[Row], key: str | None) -> list[int | None]:
    """For each row the index of the row of `seed` that it is or was; each index is given once."""
    free = set(range(len(seed.rows)))
    places: list[int | None] = [None] * len(rows)
    same = {column for column in seed.columns if column != VERSION}
    keys = [column for column in (key, "rule_id", "priority") if column in same]
    for columns in (sorted(same), keys[:1]):
        if not columns:
            continue
        index: dict[tuple[str, ...], list[int]] = {}
        for number in sorted(free, reverse=True):
            index.setdefault(tuple(seed.rows[number][column] for column in columns), []).append(number)
        for number, row in enumerate(rows):
            candidates = index.get(tuple(row[column] for column in columns))
            if places[number] is None and candidates:
                place = candidates.pop()
                places[number] = place
                free.discard(place)
    return places


def _neighbour(seed: Seed, row: Row) -> int | None:
    priority = row.get("priority", "")
    if not priority.isdigit():
        return None
    priorities = [other["priority"] for other in seed.rows]
    below = [index for index, other in enumerate(priorities) if other.isdigit() and int(other) <= int(priority)]
    return max(below, default=-1)


def _signature(row: Row) -> tuple[str, ...]:
    return tuple(row.values())


def _csv_line(cells: list[str]) -> str:
    output = io.StringIO(newline="")
    csv.writer(output, lineterminator="\n").writerow(cells)
    return output.getvalue()


def _to_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _to_json(text: str, kind: str | None) -> Any:
    """The cell as its column's type where it can be written back unchanged, else as text."""
    try:
        if kind == "boolean":
            value: Any = {"true": True, "false": False}[text]
        elif kind in ("integer", "number"):
            value = int(text) if text.lstrip("-").isdigit() else float(text)
        else:
            return text
    except (KeyError, ValueError):
        return text
    return value if _to_text(value) == text else text


@cache
def _schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}{SCHEMA_SUFFIX}").read_text(encoding="utf-8"))


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(_schema(name))


@cache
def _column_types(name: str) -> dict[str, str]:
    """The type of each column that the schema of this taxonomy knows."""
    types: dict[str, str] = {}
    for definition in _schema(name)["$defs"].values():
        for key, property_ in definition.get("properties", {}).items():
            if isinstance(property_.get("type"), str):
                types[key] = property_["type"]
    return types
