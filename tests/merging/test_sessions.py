"""Sessions of two machines: the longer file of a session is current, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

from ingest.registry import register, save_projects
from ingest.sync import sync
from tests.ingest.landing_place import archive, ask
from tests.merging.machine import LINES, Machine, counts, fill_texts, line


def test_what_is_here_already_is_not_taken(here: Machine, there: Machine) -> None:
    here.session("same", *LINES)
    there.session("same", *LINES, directory="-elsewhere")
    here.session("longer-here", *LINES)
    there.session("longer-here", *LINES[:3])
    before = here.files()
    assert counts(here.merge(there)) == {"same_sessions": 2}
    assert here.files() == before


def test_the_longer_file_is_current_and_the_other_stays(here: Machine, there: Machine) -> None:
    here.session("grown", *LINES[:2])
    there.session("grown", *LINES)
    here.session("apart", *LINES[:2], line(7))
    there.session("apart", *LINES[:2], line(8), line(9))
    here.session("shorter-there", *LINES, line(7))
    there.session("shorter-there", *LINES[:2], line(8))
    there.session("only-there", *LINES)
    mine = here.files()
    assert counts(here.merge(there)) == {
        **{"new_sessions": 1, "longer_sessions": 2, "versions": 1, "files": 4},
    }
    assert mine.items() <= here.files().items()
    assert {path for path in here.files() if path not in mine} == {
        f"sessions/-code~merged/{name}.jsonl" for name in ("grown", "apart", "shorter-there", "only-there")
    }
    assert ask(here.data, "select session_id, max(lines), count(*) from raw.session_files group by 1 order by 1") == [
        ("apart", 4, 2),
        ("grown", 6, 2),
        ("only-there", 6, 1),
        ("shorter-there", 7, 2),
    ]


def test_merging_twice_changes_nothing_and_both_ways_give_the_same(here: Machine, there: Machine) -> None:
    for machine, own in ((here, 7), (there, 8)):
        machine.session("apart", *LINES[:2], line(own))
        machine.session(f"only-{own}", *LINES)
        machine.session("grown", *LINES[: own - 4])
    here.session("rewritten", *LINES)
    there.session("rewritten", *LINES[:3], line(20))
    there.session("rewritten.v2", line(21), session_id="rewritten", version=2)
    union = here.records() | there.records()
    here.merge(there)
    before = here.files()
    assert counts(here.merge(there)) == {"same_sessions": 4}
    assert (here.files(), here.records()) == (before, union)
    there.merge(here)
    assert there.records() == union
    assert counts(here.merge(there)).get("files", 0) == 0


def test_the_same_secret_has_another_token_on_another_machine(here: Machine, there: Machine) -> None:
    tokens = ["[REDACTED:aws_key:AAAAAAAAAAAAAAA2]", "[REDACTED:aws_key:BBBBBBBBBBBBBBB3]"]
    for machine, token in zip((here, there), tokens, strict=True):
        machine.session("same", line(1, token), line(2))
        machine.session("grown", *[line(1, token), line(2), line(3)][: 2 if machine is here else 3])
        machine.session("another", line(1, token + (" here" if machine is here else " there")))
    assert counts(here.merge(there)) == {"same_sessions": 1, "longer_sessions": 1, "versions": 1, "files": 2}
    assert counts(here.merge(there)) == {"same_sessions": 3}


def test_text_is_redacted_by_the_rules_of_this_machine(here: Machine, there: Machine) -> None:
    secret = "AKIA" + "QWERTYUIOPASDFGH"
    there.session("old-rules", line(1, f"aws_access_key_id = {secret}"))
    here.merge(there)
    assert secret.encode() not in b"".join(here.files().values())
    assert counts(here.merge(there)) == {"same_sessions": 1}


def test_a_merged_session_that_grew_there_is_continued(here: Machine, there: Machine) -> None:
    here.session("s", *LINES[:2])
    there.session("s", *LINES[:4])
    here.merge(there)
    there.session("s", *LINES)
    merged = here.merge(there)
    assert counts(merged) == {"longer_sessions": 1, "files": 1, "runs": 1} or counts(merged)["files"] == 1
    assert merged.landing.lines == 2
    assert set(here.files()) == {"sessions/-code/s.jsonl", "sessions/-code~merged/s.jsonl"}


def test_a_third_machine_gets_a_place_of_its_own(here: Machine, there: Machine, tmp_path: Path) -> None:
    third = Machine(tmp_path / "third")
    there.session("s", *LINES[:2], line(7))
    third.session("s", *LINES[:2], line(8))
    here.merge(there)
    here.merge(third)
    assert {"sessions/-code~merged/s.jsonl", "sessions/-code~merged2/s.jsonl"} <= set(here.files())
    assert third.records() | there.records() == here.records()


def test_versions_of_two_machines_are_not_one_chain(here: Machine, there: Machine, tmp_path: Path) -> None:
    third = Machine(tmp_path / "third")
    there.session("s", *LINES)
    third.session("s", *LINES[:3])
    third.session("s.v2", line(9), session_id="s", version=2)
    here.merge(there)
    here.merge(third)
    assert set(here.files()) == {"sessions/-code~merged/s.jsonl", "sessions/-code~merged2/s.v2.jsonl"}
    there.session("s.v2", line(8), session_id="s", version=2)
    here.merge(there)
    assert "sessions/-code~merged/s.v2.jsonl" in here.files()
    assert counts(here.merge(there)) == counts(here.merge(third)) == {"same_sessions": 1}


def test_what_describes_a_session_lies_beside_it(here: Machine, there: Machine) -> None:
    for machine in (here, there):
        machine.session("p/agent-a", *(LINES[:1] if machine is here else LINES), parent_session_id="p")
        text = b'{"agentType": "explore"}'
        archive(
            machine.data,
            "-code/p/agent-a.meta.json",
            text,
            kind="sidecar",
            source="",
            session_id="agent-a",
            archived_lines=1,
        )
    here.merge(there)
    assert "sessions/-code~merged/p/agent-a.meta.json" in here.entries()
    assert ask(here.data, "select distinct sidecar from raw.session_files") == [('{"agentType": "explore"}',)]


def test_sync_goes_on_with_sources_that_are_shorter_than_what_was_merged(tmp_path: Path, there: Machine) -> None:
    source = tmp_path / "claude" / "-code"
    source.mkdir(parents=True)
    here = Machine(tmp_path / "here")
    save_projects(here.data, [])
    register(here.data, name="One", project_id="one", sessions=[source])
    (source / "s.jsonl").write_text("".join(text + "\n" for text in LINES[:2]))
    sync(here.data)
    there.session("s", *LINES, source=str(source / "s.jsonl"))
    here.merge(there)
    merged = here.files()
    result = sync(here.data).projects[0]
    assert result.archive and (result.archive.rewritten, result.archive.new, result.problems) == (0, 0, [])
    assert here.files() == merged
    with (source / "s.jsonl").open("a") as file:
        file.write(line(30) + "\n")
    result = sync(here.data).projects[0]
    assert result.archive and (result.archive.grown, result.archive.rewritten) == (1, 0)
    assert set(here.files()) == set(merged)
    assert counts(here.merge(there)) == {"same_sessions": 1}


def test_a_source_that_comes_after_its_merge_does_not_meet_the_merged_file(tmp_path: Path, there: Machine) -> None:
    source = tmp_path / "claude" / "-code"
    source.mkdir(parents=True)
    here = Machine(tmp_path / "here")
    there.session("s", *LINES)
    here.merge(there)
    register(here.data, name="One", project_id="one", sessions=[source])
    (source / "s.jsonl").write_text(LINES[0] + "\n")
    sync(here.data)
    assert {path: entry.version for path, entry in here.entries().items()} == {
        "sessions/-code~merged/s.jsonl": 1,
        "sessions/-code/s.jsonl": 1,
    }


def test_nothing_there_is_written_and_a_dry_run_writes_nothing_here(here: Machine, there: Machine) -> None:
    here.session("s", *LINES[:2])
    there.session("s", *LINES)
    fill_texts(here)
    fill_texts(there, is_there=True)
    mine, theirs = here.tree(), there.tree()
    planned = here.merge(there, dry_run=True)
    assert here.tree() == mine
    done = here.merge(there)
    assert counts(planned) == counts(done)
    assert there.tree() == theirs
