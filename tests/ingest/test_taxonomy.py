"""Taxonomies: seeds → nested JSON → the same seeds, edits as a diff, and what is wrong with either."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingest.cli import main
from ingest.errors import IngestError
from ingest.taxonomy import SEEDS, export, read_taxonomies
from ingest.taxonomy_checks import Checked, check

ACTIONS = """\
action_id,parent_action_id,decisive_rank,description,taxonomy_version
git,,,The repository,1.2.0
git.push,git,1,"Publishes commits, tags",1.2.0
git.commit,git,2,"Records",1.2.0
inspect,,,Looks,1.2.0
inspect.read,inspect,3,Reads,1.2.0
other,,4,No rule knows it,1.2.0
"""
ACTION_RULES = """\
priority,tool_name,program,subcommand,pattern,action_id,description,taxonomy_version
10,Read,,,,inspect.read,A file,1.2.0
20,,git,push,,git.push,Published,1.2.0
30,,git,commit,,git.commit,Recorded,1.2.0
30,,cat,,"(?i)a,b",inspect.read,A file,1.2.0
40,,,,,other,"Nothing ""else"" fits",1.2.0
"""
REACTIONS = """\
reaction_id,parent_reaction_id,precedence,description,taxonomy_version
approve,,2,Accepts,1.0.0
approve.accept,approve,2,Says yes,1.0.0
block,,1,Stops,1.0.0
"""
REACTION_RULES = """\
rule_id,reaction_id,position,keywords,pattern,signal,is_explicit,description,taxonomy_version
yes,approve.accept,start,yes|ok,,,false,A yes,1.0.0
stopped,block,turn,,,interrupt,true,An interrupt,1.0.0
"""
WEIGHTS = "rule_id,reaction_type,weight,taxonomy_version\nyes,approve,1.50,1.0.0\n"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    directory = tmp_path / "seeds"
    directory.mkdir()
    for name, text in {
        "action_taxonomy": ACTIONS,
        "action_rules": ACTION_RULES,
        "reaction_taxonomy": REACTIONS,
        "reaction_rules": REACTION_RULES,
        "reaction_weights": WEIGHTS,
    }.items():
        (directory / f"{name}.csv").write_text(text)
    return directory


@pytest.fixture
def edited(seeds: Path, tmp_path: Path) -> Callable[..., tuple[Checked, Path]]:
    """Export, change the document of the actions, check it."""

    def edit(change: Callable[[dict[str, Any]], None], *, write: bool = False) -> tuple[Checked, Path]:
        path = next(path for path in export(tmp_path / "out", seeds) if path.name == "action-taxonomy.json")
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
        return check((path,), seeds, write=write), path

    return edit


def changed(diff: str) -> list[str]:
    """The lines of a unified diff that are gone or new."""
    return [line for line in diff.splitlines() if line[0] in "+-" and not line.startswith(("+++", "---"))]


def test_the_document_is_a_tree_with_rules_under_their_leaf(seeds: Path, tmp_path: Path) -> None:
    written = export(tmp_path / "out", seeds)
    assert [path.name for path in written] == ["action-taxonomy.json", "reaction-taxonomy.json"]
    document = json.loads(written[0].read_text())
    assert (document["version"], [node["id"] for node in document["nodes"]]) == ("1.2.0", ["git", "inspect", "other"])
    assert document["nodes"][0]["children"][0] == {
        "id": "git.push",
        "decisive_rank": 1,
        "description": "Publishes commits, tags",
        "children": [],
        "rules": [{"priority": 20, "program": "git", "subcommand": "push", "description": "Published"}],
    }


def test_export_and_check_give_no_difference(seeds: Path, tmp_path: Path) -> None:
    checked = check(tuple(export(tmp_path / "out", seeds)), seeds)
    assert (checked.problems, checked.diff, checked.failed) == ([], "", False)
    assert (checked.taxonomies, checked.nodes, checked.rules) == (["action", "reaction"], 9, 7)


def test_the_seeds_of_the_product_are_valid_and_survive_the_round_trip(tmp_path: Path) -> None:
    checked = check(tuple(export(tmp_path)))
    assert (checked.problems, checked.diff) == ([], "")
    assert [taxonomy.name for taxonomy in read_taxonomies(SEEDS)] == ["action", "reaction"]


def test_an_edit_is_a_diff_of_the_rows_it_touches(edited: Callable[..., tuple[Checked, Path]]) -> None:
    def reword(document: dict[str, Any]) -> None:
        document["nodes"][1]["children"][0]["description"] = "Reads files"

    checked, _ = edited(reword)
    assert changed(checked.diff) == [
        "-inspect.read,inspect,3,Reads,1.2.0",
        "+inspect.read,inspect,3,Reads files,1.2.0",
    ]
    assert len(checked.problems) == 1 and "this change needs 1.2.1 or later" in checked.problems[0]
    assert checked.failed


def test_a_new_leaf_and_its_rule_stand_where_they_belong(
    edited: Callable[..., tuple[Checked, Path]], seeds: Path
) -> None:
    def add(document: dict[str, Any]) -> None:
        document["version"] = "1.3.0"
        rule = {"priority": 25, "program": "git", "subcommand": "tag", "description": "A tag"}
        leaf = {"id": "git.tag", "decisive_rank": 9, "description": "Tags", "rules": [rule]}
        document["nodes"][0]["children"].append(leaf)

    checked, path = edited(add, write=True)
    assert checked.problems == []
    assert [Path(written).name for written in checked.written] == ["action_taxonomy.csv", "action_rules.csv"]
    rows = (seeds / "action_taxonomy.csv").read_text().replace("1.3.0", "1.2.0").splitlines()
    before = ACTIONS.replace('"Records"', "Records").splitlines()
    assert rows == [*before[:4], "git.tag,git,9,Tags,1.2.0", *before[4:]]
    rules = (seeds / "action_rules.csv").read_text().replace("1.3.0", "1.2.0").splitlines()
    assert rules == [*ACTION_RULES.splitlines()[:3], "25,,git,tag,,git.tag,A tag,1.2.0", *ACTION_RULES.splitlines()[3:]]
    assert check((path,), seeds).diff == ""


def test_rows_that_stay_keep_their_text(edited: Callable[..., tuple[Checked, Path]]) -> None:
    checked, _ = edited(lambda document: document["nodes"][0]["children"][1]["rules"].clear())
    assert changed(checked.diff) == ["-30,,git,commit,,git.commit,Recorded,1.2.0"]
    assert "this change needs 1.3.0" in checked.problems[0]


def test_a_renamed_id_is_a_major_change(edited: Callable[..., tuple[Checked, Path]]) -> None:
    def rename(document: dict[str, Any]) -> None:
        document["version"] = "1.9.0"
        document["nodes"][0]["children"][0]["id"] = "git.publish"

    checked, _ = edited(rename)
    assert "version 1.9.0: this change needs 2.0.0" in checked.problems[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["nodes"][0]["rules"].append({"priority": 99, "program": "hg"}), "'git' is no leaf"),
        (lambda d: d["nodes"].append({"id": "git", "description": "Again"}), "git stands there twice"),
        (lambda d: d["nodes"][2].update(id="other.thing"), "has no parent"),
        (lambda d: d["nodes"][2].update(colour="red"), "other: colour: no seed has such a column"),
        (lambda d: d["nodes"][2]["rules"][0].update(patern="x"), "other, rules: patern: no seed has such a column"),
        (lambda d: d["nodes"][2]["rules"][0].update(pattern="a(?=b)"), "a look around"),
    ],
)
def test_a_bad_edit_is_named_and_never_written(
    edited: Callable[..., tuple[Checked, Path]], seeds: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["version"] = "3.0.0"
        document["nodes"][0].setdefault("rules", [])
        change(document)

    checked, _ = edited(edit, write=True)
    assert checked.failed and said in "\n".join(checked.problems) and checked.written == []
    assert (seeds / "action_taxonomy.csv").read_text() == ACTIONS
    assert (seeds / "action_rules.csv").read_text() == ACTION_RULES


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(version="1.2"), "at version"),
        (lambda d: d["nodes"][1].update(decisive_rank="first"), "at nodes/1/decisive_rank"),
        (lambda d: d["nodes"][1].pop("description"), "at nodes/1: 'description' is a required property"),
        (lambda d: d.update(taxonomy="phase"), "must be one of action, reaction"),
    ],
)
def test_a_document_that_breaks_its_schema_is_refused(
    edited: Callable[..., tuple[Checked, Path]], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    with pytest.raises(IngestError, match=said):
        edited(change)


def test_what_is_no_document_is_refused(seeds: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf[]\r\n")
    said_of = {
        "bad.json": "is no JSON",
        "deep.json": "is no JSON",
        "marked.json": "is no taxonomy",
        "none.json": "cannot be read",
    }
    for name, said in said_of.items():
        with pytest.raises(IngestError, match=said):
            check((tmp_path / name,), seeds)
    with pytest.raises(IngestError, match="holds no"):
        check((), tmp_path)


@pytest.mark.parametrize(
    ("seed", "old", "new", "said"),
    [
        ("action_rules", ",git.push,", ",git.pull,", "action_rules.csv, line 3: 'git.pull' does not exist"),
        ("action_rules", ",git.push,", ",git,", "line 3: 'git' is no leaf"),
        ("action_rules", "30,,cat,,", "30,,git,,", "line 5: this rule and that of line 4 both have priority 30"),
        ("action_rules", "10,Read", "40,Read", "line 6: this rule and that of line 2 both have priority 40"),
        ("action_rules", "10,Read", "ten,Read", "line 2: the priority 'ten' is no whole number"),
        ("action_rules", "(?i)a,b", "(?<!a)b", "line 5: the pattern is not one for RE2 and Java: a look around"),
        ("action_rules", "Published,1.2.0", "Published,1.2.1", "line 3: version 1.2.1, but action_taxonomy.csv"),
        ("action_taxonomy", "other,,4", "other,,3", "line 7: other and inspect.read have the same rank, 3"),
        ("action_taxonomy", "other,,4", "git.push,git,4", "line 7: git.push stands there twice"),
        ("action_taxonomy", "inspect,,,", "inspection,,,", "line 6: the parent inspect of inspect.read does not exist"),
        ("action_taxonomy", "git,,,", "git,git.push,,", "git → git.push → git is a circle"),
        ("action_taxonomy", "1.2.0", "1.2", "line 2: '1.2' is no version"),
        ("reaction_rules", "stopped,", "yes,", "reaction_rules.csv, line 3: yes stands on line 2 too"),
        (
            "reaction_rules",
            "turn,,,interrupt,true",
            "start,yes|ok,,,false",
            "line 3: this rule and that of line 2 both fit",
        ),
        ("reaction_weights", "1.0.0", "1.1.0", "reaction_weights.csv, line 2: version 1.1.0"),
    ],
)
def test_what_is_wrong_with_a_seed_is_named_with_its_line(
    seeds: Path, seed: str, old: str, new: str, said: str
) -> None:
    path = seeds / f"{seed}.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert said in "\n".join(check((), seeds).problems)


def test_rules_that_belong_to_no_taxonomy_are_checked_too(seeds: Path) -> None:
    path = seeds / "directive_rules.csv"
    path.write_text("priority,pattern,directive,taxonomy_version\n10,a(?=b),plan,1.0.0\n20,,other,1.1.0\n")
    problems = check((), seeds).problems
    assert len(problems) == 2
    assert "directive_rules.csv, line 2: the pattern" in problems[0] and "line 3: version 1.1.0" in problems[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("action_id,taxonomy_version\na,1.0.0\n", "line 1: column parent_action_id is missing"),
        ('action_id,parent_action_id,taxonomy_version\n"a,,1.0.0\n', "line 2: no CSV"),
        ("action_id,parent_action_id,taxonomy_version\na,1.0.0\n", "line 2: 2 cells"),
        ("", "is empty"),
    ],
)
def test_a_seed_that_is_no_table_is_refused(seeds: Path, text: str, said: str) -> None:
    (seeds / "action_taxonomy.csv").write_text(text)
    with pytest.raises(IngestError, match=said):
        check((), seeds)


def test_the_commands(seeds: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner(env={"NO_COLOR": "1"}).invoke(main, ["taxonomy", *arguments, "--seeds", str(seeds)])
        return result.exit_code, result.output

    code, shown = run("export", "--output", str(tmp_path))
    path = tmp_path / "action-taxonomy.json"
    assert code == 0 and str(path) in shown
    assert run("check", str(path)) == (0, "0 problems in action and reaction: 9 nodes, 7 rules\n")

    path.write_text(path.read_text().replace("Looks", "Looks on").replace("1.2.0", "1.2.1"))
    code, shown = run("check", str(path))
    assert code == 1 and "+inspect,,,Looks on,1.2.1" in shown
    code, shown = run("check", "--write", str(path))
    assert code == 0 and "action_taxonomy.csv is written" in shown
    assert run("check", str(path))[0] == 0
    assert json.loads(run("check", "--json")[1])["problems"] == []
