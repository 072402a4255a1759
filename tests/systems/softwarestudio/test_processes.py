"""The processes of softwarestudio, started as its owner starts them."""

import subprocess
import sys

import pytest
from psycopg import Connection

from dbkit.systems.softwarestudio import sessions
from tests.conftest import ROOT
from tests.systems.softwarestudio.crowd import Crowd

# a process takes on the role of the application, which no pooler passes on
pytestmark = pytest.mark.usefixtures("own_session")


def run(crowd: Crowd, *arguments: str) -> str:
    """Run a process to its end, and return what it said."""
    command = [sys.executable, "-m", "dbkit.systems.softwarestudio", *arguments]
    ran = subprocess.run(
        [*command, "--once", "--url", crowd.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


@pytest.mark.usefixtures("as_owner")
@pytest.mark.parametrize("command", [("expire",), ("expire", "--days", "0"), ("prune",)])
def test_sessions_that_nothing_changes_expire(
    database: Connection, session: str, crowd: Crowd, command: tuple[str, ...]
) -> None:
    age = "9 days" if len(command) == 1 else "1 second"
    with database.transaction():
        database.execute("set local session_replication_role = replica")
        database.execute(f"update sessions set updated_at = now() - interval '{age}'".encode())
    sessions.add(database, session_id="fresh", user_mission="Build a watch")
    if len(command) == 1:
        database.commit()
    else:
        database.rollback()

    run(crowd, *command)

    found = sessions.find(database, session_id=session)
    assert found
    assert found.status == "expired"
    fresh = sessions.find(database, session_id="fresh")
    assert fresh is None or fresh.status == "pending"


def test_a_new_day_starts_with_nothing_used(database: Connection, crowd: Crowd) -> None:
    database.execute(
        "update agent_settings set usage_today = 7, last_reset_date = current_date - 2"
    )
    database.commit()

    run(crowd, "reset-usage")

    found = database.execute("select distinct usage_today from agent_settings").fetchall()
    assert found == [(0,)]
