"""Sessions that nothing has changed for too long expire, in batches."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import Connection

from dbkit.systems.softwarestudio import retention, sessions
from tests.queries_by_name import add
from tests.systems.softwarestudio.crowd import Crowd


@pytest.fixture
def aged(database: Connection) -> Connection:
    """A database with a session of each status for each of several ages, in days."""
    for days in (0, 2, 8, 9):
        for status in ("pending", "running", "awaiting_approval", "completed", "failed"):
            touched = datetime.now(UTC) - timedelta(days=days)
            row = {"user_mission": "m", "status": status, "updated_at": touched}
            add(database, "sessions", session_id=f"{status} {days}", **row)
    database.commit()
    return database


def expired(database: Connection) -> set[str]:
    listed = sessions.list_recent(database, status="expired")
    return {session.session_id for session in listed}


def test_sessions_that_are_not_over_expire_after_seven_days(aged: Connection) -> None:
    touched = retention.expire_sessions(aged)

    assert touched == 6
    assert expired(aged) == {
        f"{status} {days}"
        for status in ("pending", "running", "awaiting_approval")
        for days in (8, 9)
    }
    assert retention.expire_sessions(aged) == 0


def test_the_time_to_live_can_be_told(aged: Connection) -> None:
    assert retention.expire_sessions(aged, time_to_live=timedelta(days=1)) == 9


def test_sessions_expire_in_batches_the_oldest_first(aged: Connection) -> None:
    touched = [retention.expire_sessions(aged, max_rows=4)]
    first = expired(aged)
    touched += [retention.expire_sessions(aged, max_rows=4) for _ in range(2)]

    assert touched == [4, 2, 0]
    assert first >= {"pending 9", "running 9", "awaiting_approval 9"}


def test_a_session_somebody_works_on_is_passed_by(aged: Connection, crowd: Crowd) -> None:
    with psycopg.connect(crowd.url) as other:
        sessions.start(other, session_id="pending 9")
        aged.execute("set lock_timeout = '2s'")

        retention.expire_sessions(aged)

    assert "pending 9" not in expired(aged)
    assert retention.expire_sessions(aged) == 0
