"""`label`: a sample of links, a person's answers, and the files that they go to."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.commands import correlation as commands
from ingest.database import opened
from ingest.errors import IngestError
from ingest.files import exclusive_lock
from ingest.label_output import ask_questions, meaning
from ingest.labelling import Sample, save_answer, take_sample
from ingest.landing_labels import LABEL_LOCK
from ingest.link_labels import labelled_pairs, labeller
from ingest.paths import DataDir
from ingest.registry import save_projects, set_status
from tests.ingest.correlation_place import FIRST, ONE, SECOND, TWO, add, change, csv_rows, link, rejected
from tests.ingest.landing_place import ask as ask_database
from tests.ingest.landing_place import project, run
from tests.ingest.shell import Shell

PAIRS = {(FIRST, ONE), (SECOND, ONE), (SECOND, TWO)}


def typing(*answers: str | None) -> Iterator[str | None]:
    """Answers one after the other, then the end of the input."""
    yield from answers
    while True:
        yield None


def answer(sample: Sample, *answers: str | None) -> Counter[str]:
    typed = typing(*answers)
    counted: Counter[str] = Counter()
    ask_questions(sample, lambda prompt: next(typed), labelled_by="Ada", answers=counted)
    return counted


def asked(sample: Sample) -> list[tuple[str, str]]:
    return [(question.pair.link.session_id, question.pair.link.commit_sha) for question in sample.questions]


def rows(data: DataDir, label_set: str = "people") -> list[dict[str, str]]:
    return csv_rows((data.validation("one") / f"session_commit.{label_set}.csv").read_text())


def labels(data: DataDir) -> dict[tuple[str, str], str]:
    return {(row["session_id"], row["commit_sha"]): row["label"] for row in rows(data)}


def many_links(data: DataDir) -> None:
    """60 commits with an accepted link each, and 60 pairs in band `none`."""
    with opened(data) as connection:
        for index in range(60):
            sha = f"{index:040x}"
            add(connection, "main.commits", [{"project_id": "one", "commit_sha": sha, "subject": f"change {index}"}])
            worse = rejected(SECOND, sha, band="none", method=None)
            add(connection, "main.correlations", [link(FIRST, sha), worse])


def test_a_sample_has_pairs_of_each_band_and_method(marts: DataDir) -> None:
    many_links(marts)
    sample = take_sample(marts, "one")
    assert [(item.band, item.method, item.pairs, item.sampled) for item in sample.strata] == [
        ("high", "announced", 61, 8),
        ("low", "files", 2, 2),
        ("none", "none", 60, 4),
    ]
    assert len(sample.questions) == 14
    bands = [question.pair.link.band for question in sample.questions]
    assert bands != sorted(bands, key=str)  # the place of a pair does not tell its band
    assert asked(take_sample(marts, "one")) == asked(sample)
    assert asked(take_sample(marts, "one", seed=2)) != asked(sample)


def test_a_larger_sample_contains_the_smaller_one(marts: DataDir) -> None:
    many_links(marts)
    small, large = take_sample(marts, "one"), take_sample(marts, "one", sizes={"high": 20, "none": 0})
    assert {pair for pair in asked(small) if pair[0] == FIRST} < set(asked(large))
    assert len(large.questions) == 22
    only = take_sample(marts, "one", methods=["files"])
    assert [item.method for item in only.strata] == ["files"] and len(only.questions) == 2


def test_answers_become_labels_at_once(marts: DataDir) -> None:
    sample = take_sample(marts, "one")
    assert set(asked(sample)) == PAIRS
    counts = answer(sample, "maybe", "", "y", "N", "don’t know", "y")
    assert counts == {"linked": 1, "not_linked": 1, "unclear": 1}
    assert [labels(marts)[pair] for pair in asked(sample)] == ["linked", "not_linked", "unclear"]
    assert [row["is_sure"] for row in rows(marts)] == ["1", "1", "0"]
    path = Path(sample.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_label_says_who_when_and_of_which_state(marts: DataDir) -> None:
    sample = take_sample(marts, "one", methods=["announced"])
    answer(sample, "yes")
    (row,) = rows(marts)
    assert (row["session_id"], row["commit_sha"], row["labelled_by"]) == (FIRST, ONE, "Ada")
    assert row["labelled_at"].endswith("Z") and len(row["labelled_at"]) == 20
    note = dict(part.split("=", 1) for part in row["note"].split("; "))
    state = note.pop("session_hash")
    assert note == {
        "confidence": "0.97",
        "band": "high",
        "link_rank": "1",
        "method": "announced",
        "is_accepted": "true",
        "session_lines": "2",
        "session_bytes": "900",
        "weights_version": "1.2.0",
    }
    change(marts, f"update raw.session_files set content_hash = 'other', lines = 7 where session_id = '{FIRST}'")
    change(marts, "drop table reference.evidence_weights")
    later = take_sample(marts, "one", label_set="again", methods=["announced"])
    assert later.questions == []  # labelled is labelled, whatever the name of the set
    Path(sample.path).unlink()
    later = take_sample(marts, "one", methods=["announced"])
    assert later.questions[0].states[FIRST]["session_lines"] == "7"
    assert later.questions[0].states[FIRST]["session_hash"] != state
    assert "weights_version" not in later.questions[0].states[FIRST]


def test_what_is_labelled_is_not_asked_again_and_what_is_skipped_is(marts: DataDir) -> None:
    sample = take_sample(marts, "one")
    first, second, third = asked(sample)
    assert answer(sample, "s", "y", "q") == {"linked": 1}
    assert asked(take_sample(marts, "one")) == [first, third]
    assert sum(item.labelled for item in take_sample(marts, "one").strata) == 1
    assert answer(take_sample(marts, "one"), "d", "d") == {"unclear": 2}
    assert asked(take_sample(marts, "one")) == []
    assert labels(marts)[second] == "linked"


def test_an_undecided_label_of_another_set_is_asked_about(marts: DataDir) -> None:
    answer(take_sample(marts, "one"), "d", "y", "d")
    assert len(asked(take_sample(marts, "one", label_set="second-reader"))) == 2


def test_another_session_wrote_it(marts: DataDir) -> None:
    change(marts, f"delete from main.correlations where commit_sha = '{TWO}'")
    sample = take_sample(marts, "one", methods=["files"])
    counts = answer(sample, "a", "nobody", "1111", "", "another", "11111111-a")
    assert counts == {"another": 1}
    assert labels(marts) == {(SECOND, ONE): "not_linked", (FIRST, ONE): "linked"}
    instead = next(row for row in rows(marts) if row["session_id"] == FIRST)["note"]
    assert f"instead_of={SECOND}" in instead and "session_lines=2" in instead and "confidence=0.97" in instead
    assert asked(take_sample(marts, "one")) == []


def test_a_pair_that_was_named_is_not_asked_about_in_the_same_sitting(marts: DataDir) -> None:
    change(marts, f"delete from main.correlations where commit_sha = '{TWO}'")
    sample = take_sample(marts, "one")
    assert asked(sample)[0] in PAIRS and len(asked(sample)) == 2
    other = asked(sample)[1][0]
    assert answer(sample, "a", other, "n") == {"another": 1}
    assert labels(marts)[asked(sample)[1]] == "linked"


def test_another_needs_another_candidate(marts: DataDir, capsys: pytest.CaptureFixture[str]) -> None:
    change(marts, f"delete from main.correlations where commit_sha = '{ONE}'")
    assert answer(take_sample(marts, "one"), "a", "n") == {"not_linked": 1}
    assert "no other candidate" in capsys.readouterr().out


def test_the_end_of_the_input_ends_it(marts: DataDir) -> None:
    assert answer(take_sample(marts, "one"), "y", "a") == {"linked": 1}
    assert len(rows(marts)) == 1


def test_a_later_answer_takes_the_place_of_an_earlier_one(marts: DataDir) -> None:
    sample = take_sample(marts, "one")
    path = Path(sample.path)
    path.parent.mkdir(parents=True)
    path.write_text(f"sha,session_id,label,reader,extra\n{ONE.upper()},{FIRST},unclear,Bea,x\n{TWO},x y,linked,Bea,\n")
    question = next(item for item in sample.questions if item.pair.link.session_id == FIRST)
    save_answer(sample, question, "linked", labelled_by="Ada")
    assert [(row["session_id"], row["label"], row["labelled_by"]) for row in rows(marts)] == [
        ("x y", "linked", "Bea"),  # a row that cannot be used stays for the landing to name
        (FIRST, "linked", "Ada"),
    ]


def test_the_file_can_be_imported_and_landed(built: Shell) -> None:
    place = DataDir(built.data)
    answer(take_sample(place, "one"), "y", "n", "d")
    path = place.validation("one") / "session_commit.people.csv"
    before = path.read_text()
    done = built.json("import-labels", "--project", "one", "--kind", "session_commit", "--set", "copy", str(path))
    assert (done["labels"], done["sure"], done["problems"], done["redactions"], done["ignored_columns"]) == (
        {"linked": 1, "not_linked": 1, "undecided": 1},
        2,
        [],
        0,
        [],
    )
    assert (place.validation("one") / "session_commit.copy.csv").read_text() == before
    run(place)
    landed = ask_database(
        place, "select label, is_sure, labelled_by from raw.labels where label_set = 'people' order by 1 nulls last"
    )
    assert landed == [("linked", True, "Ada"), ("not_linked", True, "Ada"), (None, False, "Ada")]


def test_odd_ids_are_left_out_or_kept_whole(marts: DataDir) -> None:
    with opened(marts) as connection:
        for name in ("two words", "tab\tid", 'quote",x', "é\u202ex"):
            add(connection, "main.sessions", [{"session_id": name, "root_session_id": name, "project_id": "one"}])
            add(connection, "main.correlations", [rejected(name, TWO, band="medium")])
    sample = take_sample(marts, "one")
    assert sample.unusable == 2
    odd = take_sample(marts, "one", sizes={"low": 0, "high": 0})
    assert {pair[0] for pair in asked(odd)} == {'quote",x', "é\u202ex"}
    answer(odd, "y", "y")
    assert set(labelled_pairs(marts, "one")) == {('quote",x', TWO), ("é\u202ex", TWO)}


def test_a_pair_whose_commit_is_gone_is_not_asked_about(marts: DataDir) -> None:
    change(marts, f"delete from main.commits where commit_sha = '{TWO}'")
    assert set(asked(take_sample(marts, "one"))) == {(FIRST, ONE), (SECOND, ONE)}


def test_a_session_with_a_thousand_candidates(marts: DataDir, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(marts) as connection:
        connection.execute(
            "insert into main.correlations select l.* replace ('s' || i as session_id, i as link_rank) "
            f"from main.correlations as l, range(1, 1000) as r(i) where commit_sha = '{TWO}'"
        )
    sample = take_sample(marts, "one", methods=["files"])
    assert (len(sample.questions), max(len(item.others) for item in sample.questions)) == (8, 999)
    answer(sample, "a", "s1", "y")
    assert "and 979 more" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_set": "No Name"}, "cannot name a set"),
        ({"sizes": {"hgih": 3}}, "no band 'hgih': give one of high, low, medium, none"),
        ({"methods": ["nothing"]}, "no method 'nothing': give one of announced, files"),
    ],
)
def test_what_cannot_be_asked_for_is_said(marts: DataDir, options: dict[str, object], said: str) -> None:
    with pytest.raises(IngestError, match=said):
        take_sample(marts, "one", **options)  # type: ignore[arg-type]


def test_projects_without_links_are_named(marts: DataDir) -> None:
    save_projects(marts, [project("one"), project("two")])
    for project_id, said in (("two", "no link of two to judge"), ("three", "No project 'three'")):
        with pytest.raises(IngestError, match=said):
            take_sample(marts, project_id)
    set_status(marts, "one", "excluded")
    with pytest.raises(IngestError, match=r"'one' is excluded: .*NOTES.md says why"):
        take_sample(marts, "one")


def test_a_truth_file_that_cannot_be_read_stops_only_its_own_set(marts: DataDir) -> None:
    path = marts.validation("one") / "session_commit.people.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff")
    with pytest.raises(IngestError, match="not UTF-8"):
        take_sample(marts, "one")
    assert len(take_sample(marts, "one", label_set="mine").questions) == 3
    path.unlink()
    path.mkdir()
    with pytest.raises(IngestError, match="cannot be read"):
        take_sample(marts, "one")


def test_who_labels(marts: DataDir, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Grace\u202e H\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    assert labeller(marts, None) == "Grace\ufffd H"
    assert labeller(marts, " Ada\n") == "Ada"
    assert "[REDACTED:" in labeller(marts, "AKIA" + "QYLPMN5HFZ3TXWVB")
    config.write_text("")
    for given in (None, "", "\t"):
        with pytest.raises(IngestError, match="give your name with --by"):
            labeller(marts, given)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IngestError, match="give your name with --by"):
        labeller(marts, None)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("y", "linked"),
        (" YES ", "linked"),
        ("no", "not_linked"),
        ("a", "another"),
        ("don't know", "unclear"),
        ("Don’t  know", "unclear"),
        ("d", "unclear"),
        ("s", "skip"),
        ("quit", "quit"),
        (None, "quit"),
        ("", None),
        ("ye", None),
        ("\x1b[A", None),
    ],
)
def test_what_an_answer_means(typed: str | None, word: str | None) -> None:
    assert meaning(typed) == word


def test_the_command_asks_and_hides_the_verdict(built: Shell) -> None:
    shown = built.run("label", "one", "--by", "Ada", "--lines", "--size", "low=0", typed="y\n").stdout
    assert "1 link to judge" in shown and "1 of 1" in shown
    assert "announced  strength 1.00  [main ab12000] Retry the fetch" in shown
    assert "Did this session write the commit, or a part of it?" in shown
    assert f"raw/one/sessions/{FIRST}.jsonl:2" in shown and '│ …"message"' in shown
    question = shown[shown.index("1 of 1") :]
    for verdict in ("confidence", "0.97", "accepted", "+2.50", "high", "rank"):
        assert verdict not in question
    assert "1 answer saved in" in shown and "(yes 1)" in shown
    assert "→ python -m ingest sync && dbt build" in shown
    assert labels(DataDir(built.data)) == {(FIRST, ONE): "linked"}


def test_the_command_goes_on_where_it_was_left(built: Shell) -> None:
    shown = built.run("label", "one", "--by", "Ada", typed="n\nq\n").stdout
    assert "3 links to judge" in shown and "1 answer saved" in shown
    shown = built.run("label", "one", "--by", "Ada", typed="").stdout
    assert "2 links to judge" in shown and "0 answers saved" in shown and "→" not in shown.rsplit("saved", 1)[1]
    assert "0 links to judge" in built.run("label", "one", "--by", "Ada", "--size", "low=0", "--size", "high=0").stdout


def test_nothing_is_lost_when_it_is_interrupted(built: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["y", "n"])

    def interrupted(prompt: str) -> str:
        word = next(typed, None)
        if word is None:
            raise KeyboardInterrupt
        return word

    monkeypatch.setattr(commands, "_typed", interrupted)
    result = built.run("label", "one", "--by", "Ada", code=130)
    assert "2 answers saved" in result.stdout and "run the same command again" in result.stderr
    assert sorted(labels(DataDir(built.data)).values()) == ["linked", "not_linked"]
    monkeypatch.undo()
    assert "1 link to judge" in built.run("label", "one", "--dry-run").stdout


def test_a_dry_run_and_json_ask_and_write_nothing(built: Shell) -> None:
    assert "low   files          2              2         0" in built.run("label", "one", "--dry-run").stdout
    document = built.json("label", "one", "--seed", "5", "--method", "files")
    assert (document["seed"], document["strata"][0]["pairs"]) == (5, 2)
    assert {item["pair"]["link"]["commit_sha"] for item in document["questions"]} == {ONE, TWO}
    assert not DataDir(built.data).validation("one").exists()
    for wrong in ("low", "=3", "low=-1", "low=x", "low=²"):
        assert "BAND=N" in built.run("label", "one", "--size", wrong, code=2).stderr


def test_two_at_a_time_are_refused(built: Shell) -> None:
    place = DataDir(built.data)
    source = place.root / "given.csv"
    source.write_text(f"session_id,sha\n{FIRST},{ONE}\n")
    with exclusive_lock(place.validation("one"), LABEL_LOCK):
        for command in (
            ("label", "one", "--by", "Ada"),
            ("import-labels", "--project", "one", "--kind", "session_commit", "--set", "people", str(source)),
        ):
            assert "Another command is using the labels" in built.run(*command, code=1).stderr


def test_bytes_that_are_no_text_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def readline(self) -> str:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")

    monkeypatch.setattr(commands.sys, "stdin", Broken())
    assert meaning(commands._typed("")) is None


def test_nothing_foreign_moves_the_cursor(built: Shell) -> None:
    hostile = "evil \x1b]0;x\x07\x9b2J\u202e\r\n漢字"
    place = DataDir(built.data)
    save_projects(place, [project("one")])
    change(
        place,
        f"update main.commits set subject = '{hostile}', author_email = '{hostile}'",
        f"update main.sessions set title = '{hostile}'",
        f"update main.correlation_evidence set detail = '{hostile}', path = '{hostile}'",
        f"update main.correlations set band = '{hostile}', method = '{hostile}' where band = 'high'",
    )
    shown = built.run("label", "one", "--by", "Ada", typed="a\nx\x1b[2J\n\ns\n\x1b[A\ns\n").stdout
    assert "漢字" in shown and not set(shown) & {"\x1b", "\x07", "\x9b", "\u202e", "\r"}
