"""What becomes of each column of a mart in a shared export: `seeds/privacy/shared_columns.csv`, else by its type."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT
from ingest.redaction.rules import CLASSES, Rule

SEED = PRODUCT_ROOT / "seeds/privacy/shared_columns.csv"
COLUMNS = ("table_name", "column_name", "treatment", "rule_id", "description")
HASH, DROP, TEXT, NESTED, KEPT = "hash", "drop", "text", "nested", "kept"

_HAS_TEXT = re.compile(r"VARCHAR|JSON|ENUM")
# Types whose values hold no text, also inside of others: numbers, truth, times, uuids.
_PLAIN = re.compile(
    r"(?:(?:HUGE|BIG|SMALL|TINY|U|UBIG|USMALL|UTINY|UHUGE)?INT(?:EGER)?|U?BIGINT|U?INTEGER|DOUBLE|FLOAT|BOOLEAN|"
    r"UUID|DECIMAL\(\d+,\d+\)|DATE|TIMESTAMP(?:_S|_MS|_NS)?(?: WITH TIME ZONE)?|TIME(?: WITH TIME ZONE)?|INTERVAL)"
    r"(?:\[\d*\])*"
)


@dataclass(frozen=True)
class SharedColumn:
    """A column and its treatment: `hash` as a token of `rule_id`, `drop`, `text` and `nested` (text inside of a list, a
    struct or JSON) by the rules, or `kept`, because its type holds no text."""

    name: str
    type: str
    treatment: str
    rule_id: str = ""
    description: str | None = None


def read_treatments(rules: Sequence[Rule], path: Path = SEED) -> dict[tuple[str, str], tuple[str, str]]:
    """Treatment and rule of each listed column, by table and column. Raises IngestError for a bad file."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
        rows = list(reader)
    except OSError as error:
        raise IngestError(f"{path} cannot be read ({error.strerror}): restore the file.") from error
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise IngestError(f"{path} must have exactly the columns {', '.join(COLUMNS)}: correct its header.")
    known = {rule.rule_id for rule in rules if rule.protects in CLASSES}
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for number, row in enumerate(rows, start=2):
        treatment, rule_id = row["treatment"], row["rule_id"]
        if treatment not in (HASH, DROP) or (treatment == HASH and rule_id not in known):
            raise IngestError(
                f"{path}, row {number}: the treatment is hash, with a rule of the redaction rules, or drop."
            )
        found[row["table_name"], row["column_name"]] = (treatment, rule_id)
    return found


def shared_columns(
    table: str,
    columns: Sequence[tuple[str, str, str | None]],
    treatments: Mapping[tuple[str, str], tuple[str, str]],
) -> list[SharedColumn]:
    """The columns (name, type, description) of a table with their treatments.

    Raises IngestError for a type in which nothing can be looked for.
    """
    found = []
    for name, kind, description in columns:
        treatment, rule_id = treatments.get((table, name), ("", ""))
        if not treatment:
            treatment = _by_type(kind)
        elif treatment == HASH and kind != "VARCHAR":
            treatment = ""
        if not treatment:
            raise IngestError(
                f"{table}.{name} has the type {kind}, in which no personal data can be found or hashed: have it "
                f"dropped in {SEED.relative_to(PRODUCT_ROOT)}."
            )
        found.append(SharedColumn(name, kind, treatment, rule_id, description))
    return found


def _by_type(kind: str) -> str:
    if kind == "VARCHAR":
        return TEXT
    if _HAS_TEXT.search(kind) and "BLOB" not in kind:
        return NESTED
    return KEPT if _PLAIN.fullmatch(kind) else ""
