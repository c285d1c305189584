"""The sample's story in order: who commits what and when, and which sessions run between."""

from __future__ import annotations

from pathlib import Path

from ingest.sample import (
    program,
    session_ask,
    session_chart,
    session_feet,
    session_ferry,
    session_harbours,
    session_ics,
    session_json,
    session_moon,
    session_next,
    session_order,
    session_storm,
)
from ingest.sample.repository import BOT, ROSA, SAM_IN_SUMMER, Repository
from ingest.sample.world import World, utc


def tell(repository_root: Path) -> World:
    """Build the repository at `repository_root` (which must not exist) and everything that happened in it."""
    repository = Repository.create(repository_root)
    world = World(repository)

    repository.write("README.md", program.README)
    repository.write("requirements-dev.txt", program.REQUIREMENTS)
    repository.write("data/harbour.csv", program.TABLE)
    repository.write("tidebook.py", program.PROGRAM)
    repository.commit("Start tidebook: print the tide table\n", utc("2026-01-05 19:40:00"))

    copied = session_next.tell(world)
    session_order.tell(world)
    session_harbours.tell(world)

    repository.write("requirements-dev.txt", program.REQUIREMENTS.replace("8.3.3", "8.3.4"))
    repository.commit(
        f"build(deps-dev): bump pytest from 8.3.3 to 8.3.4\n\nSigned-off-by: {BOT.name} <{BOT.email}>\n",
        utc("2026-01-12 04:12:33"),
        BOT,
    )

    session_ask.tell(world)
    copied = session_feet.tell(world, copied)

    repository.git("checkout", "--quiet", "main", at=utc("2026-01-29 20:10:31"))
    repository.write("docs/harbour.md", program.HARBOUR)
    repository.write("docs/quay.png", program.picture())
    repository.commit("docs: say where the table comes from\n", utc("2026-01-29 20:15:08"), ROSA)
    merge = f"Merge pull request #1 from example/{session_feet.BRANCH}\n\nHeights in feet\n"
    repository.merge(session_feet.BRANCH, merge, utc("2026-01-30 08:05:41"))

    world.empty("never begun", utc("2026-02-01 16:20:44"))
    session_moon.tell(world)
    session_storm.tell(world)
    session_json.tell(world, copied)

    repository.write(".gitignore", program.IGNORED)
    repository.commit("chore: ignore what the tests leave behind\n", utc("2026-04-17 17:22:10"), SAM_IN_SUMMER)

    session_ics.tell(world)
    session_chart.tell(world)
    session_ferry.tell(world)
    return world
