"""A day in the life of each system, told by a crowd, and what must hold at its end."""

import os
import subprocess
import sys

import pytest
from psycopg import Connection

from dbkit.systems.softwarestudio import sessions
from tests.addresses import url_of
from tests.conftest import ROOT
from tests.stories.evening import spend
from tests.stories.shelf import STORIES
from tests.stories.telling import find_broken

WORKERS = 32
SEED = 20260101
PAST_THE_POOLER = pytest.mark.skipif(
    "DBKIT_TEST_POOLER" in os.environ,
    reason="behind a pooler nobody takes a role on, and processes do",
)


@pytest.mark.parametrize("system", STORIES)
def test_everything_holds_after_a_day_and_would_be_missed_if_it_did_not(
    request: pytest.FixtureRequest, system: str
) -> None:
    story = STORIES[system]
    database: Connection = request.getfixturevalue(system)

    facts = story.tell(url_of(database), workers=WORKERS, seed=SEED, say=print)

    assert find_broken(database, story.invariants, facts) == {}
    for invariant in story.invariants:
        with database.transaction(force_rollback=True):
            database.execute(invariant.broken_by.encode())
            broken = find_broken(database, [invariant], facts)
        assert broken, f"nothing notices that it does not hold that {invariant.sentence}"


@PAST_THE_POOLER
@pytest.mark.parametrize("system", STORIES)
def test_processes_that_are_killed_leave_no_work_undone(
    request: pytest.FixtureRequest, system: str
) -> None:
    database: Connection = request.getfixturevalue(system)
    database.commit()

    assert spend(system, url_of(database), SEED, print) == []


@PAST_THE_POOLER
def test_the_demo_is_told_twice_on_one_database_and_leaves_both_days(
    softwarestudio: Connection,
) -> None:
    environment = {**os.environ, "SOFTWARESTUDIO_DATABASE_URL": url_of(softwarestudio)}

    runs = [
        subprocess.run(
            [sys.executable, "-m", "tests.stories", "softwarestudio"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        for _ in range(2)
    ]

    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 2
    projects = {session.project_name for session in sessions.list_recent(softwarestudio)}
    assert len(projects) == 2
