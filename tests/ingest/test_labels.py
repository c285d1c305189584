"""Labels: a CSV by people → the truth file → `raw.labels`."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import pytest

from ingest.database import opened
from ingest.errors import IngestError
from ingest.labels import ImportedLabels, import_labels
from ingest.landing_labels import label_path
from ingest.manage import plan_removal, remove_project
from ingest.paths import DataDir
from tests.ingest.landing_place import ask, content, run
from tests.ingest.shell import Shell

SHA = "ab" * 20
SELECTED = "label_kind, label_set, session_id, commit_sha, message_uuid, label, is_sure, labelled_by, labelled_at, note"


def imported(
    data: DataDir, text: str | bytes, *, kind: str = "reaction", label_set: str = "a", **more: bool
) -> ImportedLabels:
    source = data.root.parent / "given.csv"
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_labels(data, "one", kind=kind, label_set=label_set, source=source, **more)


def labels(data: DataDir, columns: str = SELECTED) -> list[tuple[object, ...]]:
    return ask(data, f"select {columns} from raw.labels order by all")


def problems(data: DataDir) -> list[tuple[object, ...]]:
    return ask(
        data, "select path, line_number, reason, detail from raw.parse_errors where step = 'labels' order by all"
    )


def test_two_readers_who_disagree_leave_no_label(data: DataDir) -> None:
    done = imported(
        data, "uuid,session_id,label,agreed,label_a,label_b\nu1,s1,approve,1,approve,approve\nu2,s1,,0,approve,block\n"
    )
    assert (done.rows, done.labels, done.sure, done.changed) == (2, {"approve": 1, "undecided": 1}, 1, True)
    assert labels(data) == [
        ("reaction", "a", "s1", None, "u1", "approve", True, None, None, "label_a=approve; label_b=approve"),
        ("reaction", "a", "s1", None, "u2", None, False, None, None, "label_a=approve; label_b=block"),
    ]


def test_a_reader_who_is_not_sure_or_cannot_tell(data: DataDir) -> None:
    imported(data, "\ufeffUUID,label,sure,reader\r\nu1,Correct,0,r1\r\n\r\nu2,unclear,1,r1\r\n")
    assert labels(data, "message_uuid, label, is_sure, labelled_by") == [
        ("u1", "correct", False, "r1"),
        ("u2", None, False, "r1"),
    ]


def test_a_pair_without_a_label_is_a_link(data: DataDir) -> None:
    header = "session_id,commit_sha,kind,gold,agent_lines\n"
    done = imported(data, f"{header}s1,{SHA.upper()},squash,1,7\ns2,{SHA},,0,8\n", kind="session_commit")
    assert done.ignored_columns == ["agent_lines"]
    rows = [("s1", SHA, "linked", True, "kind=squash"), ("s2", SHA, "linked", False, None)]
    assert labels(data, "session_id, commit_sha, label, is_sure, note") == rows

    data.database.unlink()
    run(data)
    assert labels(data, "session_id, commit_sha, label, is_sure, note") == rows


def test_bad_rows_are_problems_and_the_others_are_kept(data: DataDir) -> None:
    text = (
        "uuid,label,is_sure,labelled_at\n"
        "u1,approve,1,2026-01-02T03:04:05+01:00\n"
        "u2,aprove,1,\n"
        ",approve,1,\n"
        "u4,approve,perhaps,\n"
        "u5,approve\n"
        "two words,approve,1,\n"
        "u1,block,1,\n"
        "u1,approve,1,\n"
        "u6,approve,1,yesterday\n"
        'u7,"approve"x,1,\n'
        "u8,question,,\n"
    )
    done = imported(data, text)
    assert [(problem.line_number, problem.detail.split(":")[0]) for problem in done.problems] == [
        (3, "label"),
        (4, "message_uuid"),
        (5, "is_sure"),
        (6, "2 cells, the header has 4"),
        (7, "message_uuid"),
        (8, "label"),
        (10, "labelled_at"),
        (11, "no CSV"),
    ]
    assert done.repeated == 2
    assert labels(data, "message_uuid, label, labelled_at::varchar") == [
        ("u1", "approve", "2026-01-02 02:04:05"),
        ("u6", "approve", None),
        ("u8", "question", None),
    ]
    found = problems(data)
    assert len(found) == 8 and {path for path, *_ in found} == {"validation/reaction.a.csv"}

    run(data, "run-2")
    assert problems(data) == found
    imported(data, "uuid,label\nu1,approve\n")
    assert problems(data) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("uuid,session_id\nu1,s1\n", r"line 1: column label is missing"),
        ("uuid,message_uuid,label\nu1,u1,approve\n", "line 1: 'message_uuid' and 'uuid' are the same column"),
        (b"uuid,label\nu1,approve\nu2,\xff\n", "line 3: this is not UTF-8"),
        ("uuid,label\nu1,perhaps\n", r"no usable label \(line 2: label: perhaps"),
        ("uuid,label\n", "no usable label: nothing was imported"),
        ('"uuid,label\nu1,approve\n', "line 1: no CSV"),
    ],
)
def test_a_file_that_is_no_such_csv_changes_nothing(data: DataDir, text: str | bytes, said: str) -> None:
    imported(data, "uuid,label\nu0,approve\n")
    before = content(data)
    with pytest.raises(IngestError, match=said):
        imported(data, text)
    assert content(data) == before


def test_unknown_names_are_refused(data: DataDir) -> None:
    for kind, label_set in (("feeling", "a"), ("reaction", "../a"), ("reaction", "a.b"), ("reaction", "")):
        with pytest.raises(IngestError):
            imported(data, "uuid,label\nu1,approve\n", kind=kind, label_set=label_set)
    with pytest.raises(IngestError, match="cannot be read"):
        import_labels(data, "one", kind="reaction", label_set="a", source=Path("/nowhere.csv"))
    with pytest.raises(IngestError, match="No project 'two'"):
        import_labels(data, "two", kind="reaction", label_set="a", source=Path("/nowhere.csv"))
    assert not data.validation("one").exists()


def test_a_set_takes_the_place_of_its_former_self_only(data: DataDir) -> None:
    imported(data, "uuid,label\nu1,approve\nu2,block\n")
    imported(data, "uuid,label\nu1,question\n", label_set="b")
    before = ask(data, "select run_id, loaded_at from raw.labels where label_set = 'a'")
    assert not imported(data, "uuid,label\nu1,approve\nu2,block\n").changed
    run(data, "run-2")
    assert ask(data, "select run_id, loaded_at from raw.labels where label_set = 'a'") == before

    imported(data, "uuid,label\nu3,approve\n")
    assert labels(data, "label_set, message_uuid") == [("a", "u3"), ("b", "u1")]
    label_path(data, "one", "reaction", "b").unlink()
    run(data, "run-3")
    assert labels(data, "label_set, message_uuid") == [("a", "u3")]


def test_what_a_person_edits_by_hand_is_landed_or_named(data: DataDir) -> None:
    imported(data, "uuid,label\nu1,approve\n")
    folder = data.validation("one")
    (folder / "reaction.hand.csv").write_text("uuid,label\nu9,block\n")
    (folder / "opinions.csv").write_text("uuid,label\nu9,block\n")
    assert run(data).labels == 1
    label_path(data, "one", "reaction", "a").write_bytes(b"\xff")
    run(data)
    assert labels(data, "label_set, message_uuid") == [("a", "u1"), ("hand", "u9")]
    assert [(path, reason) for path, _, reason, _ in problems(data)] == [
        ("validation/opinions.csv", "not a file of labels"),
        ("validation/reaction.a.csv", "labels cannot be read"),
    ]


def test_secrets_are_replaced_and_the_file_is_private(data: DataDir) -> None:
    secret = "AKIA" + "QYLPMN5HFZ3TXWVB"
    done = imported(data, f'uuid,label,reader,note\nu1,approve,ann,"with {secret}, two\nlines"\n')
    assert done.redactions == 1
    path = label_path(data, "one", "reaction", "a")
    assert secret not in path.read_text() and "[REDACTED:" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "[REDACTED:" in str(labels(data, "note")) and secret not in str(labels(data, "note"))


def test_a_dry_run_writes_nothing(data: DataDir) -> None:
    done = imported(data, "uuid,label\nu1,approve\n", dry_run=True)
    assert (done.labels, done.dry_run) == ({"approve": 1}, True)
    assert not data.validation("one").exists() and not data.database.exists()


def test_a_removed_project_takes_its_labels_along(data: DataDir) -> None:
    imported(data, "uuid,label\nu1,approve\n")
    removal = plan_removal(data, "one", delete_archive=True)
    assert removal.rows["labels"] == 1 and str(data.validation("one")) in removal.directories
    remove_project(data, removal)
    assert labels(data) == [] and not data.validation("one").exists()


def test_a_table_of_an_earlier_version_is_extended(data: DataDir) -> None:
    data.root.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(data.database)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.labels (project_id varchar not null, label_kind varchar not null, session_id varchar, "
            "commit_sha varchar, message_uuid varchar, label varchar not null, labelled_by varchar, "
            "labelled_at timestamp, note varchar, run_id varchar not null, loaded_at timestamp not null)"
        )
    imported(data, "uuid,label\nu1,approve\nu2,\n")
    with opened(data) as connection:
        rows = connection.execute("select message_uuid, label, is_sure from raw.labels order by 1").fetchall()
    assert rows == [("u1", "approve", True), ("u2", None, False)]


def test_the_command_says_what_it_took_and_what_not(synced: Shell, tmp_path: Path) -> None:
    source = tmp_path / "labels.csv"
    source.write_text("uuid,label,colour\nu1,approve,red\nu2,aprove,red\n")
    options = ("import-labels", "--project", "my-app", "--kind", "reaction", "--set", "train", str(source))
    assert "1 label of 2 rows would become" in synced.run(*options, "--dry-run").output
    shown = synced.run(*options).output
    assert "approve 1 (1 sure)" in shown and "1 column not used: colour" in shown
    assert "line 3: unknown label: label: aprove" in shown
    document = synced.json(*options)
    assert (document["labels"], document["changed"], document["problems"][0]["line_number"]) == (
        {"approve": 1},
        False,
        3,
    )
    assert synced.ask("select step, status from raw.ingest_runs where step = 'labels'") == [("labels", "ok")] * 2
