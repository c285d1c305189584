"""What `.sqlfluff-clean` says is true of the files that were looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warehouse import Warehouse
from tools import check, sql_style


def test_a_file_saved_while_the_copy_is_looked_at_is_not_known_to_be_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Warehouse.at(tmp_path / "work")
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "SAMPLE", sample)
    for directory in (tmp_path, sample.project):
        (directory / "models").mkdir(parents=True)
        (directory / "models" / "one.sql").write_text("select 1\n")
    for name in sql_style.SETTINGS:
        (tmp_path / name).touch()

    def lint(command: list[str]) -> int:
        assert command[-1] == "models/one.sql"
        (tmp_path / "models" / "one.sql").write_text("SELECT 2\n")
        return 0

    monkeypatch.setattr(check, "run_on_copy", lint)
    assert check.check_sqlfluff().note.startswith("1 of 1 files")
    assert sql_style.unknown(tmp_path, sql_style.lines(sample.project)) == []
    assert sql_style.unknown(tmp_path, sql_style.lines(tmp_path)) == ["models/one.sql"]
