"""The documented views and the daily reset of softwarestudio on a few rows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg import Connection

from tests.queries_by_name import Queries, add


@pytest.fixture
def queries(database: Connection) -> Queries:
    return Queries("softwarestudio", database)


def add_session(database: Connection, session_id: str, status: str, **values: object) -> None:
    row = {"session_id": session_id, "user_mission": "a todo list", "status": status, **values}
    add(database, "sessions", **row)


def add_execution(database: Connection, agent_type: str, **values: object) -> None:
    add(database, "agent_executions", session_id="s", agent_type=agent_type, **values)


def test_an_active_session_is_one_that_is_not_over(database: Connection, queries: Queries) -> None:
    for status in ("pending", "running", "awaiting_approval", "completed", "failed", "expired"):
        add_session(database, status, status)

    active = queries("sessions.list_active")

    assert {session.session_id for session in active} == {"pending", "running", "awaiting_approval"}


def test_active_sessions_come_last_changed_first_and_then_by_id(
    database: Connection, queries: Queries
) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for session_id, updated_at in (("b", noon), ("a", noon), ("new", noon + timedelta(1))):
        add_session(database, session_id, "running", updated_at=updated_at)

    active = queries("sessions.list_active")

    assert [session.session_id for session in active] == ["new", "a", "b"]


def test_session_metrics_are_told_for_each_status(database: Connection, queries: Queries) -> None:
    add_session(database, "1", "running", iteration_count=1)
    add_session(database, "2", "completed", iteration_count=2, qa_passed=True)
    add_session(database, "3", "completed", iteration_count=5)

    metrics = queries("sessions.list_metrics")

    assert metrics == [("completed", 2, Decimal("3.5"), 1), ("running", 1, Decimal(1), 0)]


def test_performance_is_of_the_last_seven_days(database: Connection, queries: Queries) -> None:
    add_session(database, "s", "running")
    week_ago = datetime.now(UTC) - timedelta(days=7)
    add_execution(database, "qa", status="completed", duration_seconds=2, tokens_used=10)
    add_execution(database, "qa", status="failed", duration_seconds=4, tokens_used=5)
    add_execution(database, "qa", started_at=week_ago - timedelta(minutes=1), tokens_used=1000)
    add_execution(database, "eng", started_at=week_ago + timedelta(minutes=1))

    performance = queries("agent_executions.list_performance")

    assert performance == [("eng", 1, 0, None, 0), ("qa", 2, 1, Decimal(3), 15)]


def test_a_reset_starts_the_day_only_of_profiles_from_an_earlier_one(
    database: Connection, queries: Queries
) -> None:
    # the template may have been made yesterday
    database.execute("update agent_settings set usage_today = 7, last_reset_date = current_date")
    database.execute(
        "update agent_settings set last_reset_date = current_date - 1 where profile_name = 'qa'"
    )

    queries("agent_settings.reset_daily_usage")

    rows = database.execute(
        "select profile_name, usage_today, last_reset_date = current_date from agent_settings"
    )
    assert set(rows.fetchall()) == {
        ("arch", 7, True),
        ("eng", 7, True),
        ("pm", 7, True),
        ("qa", 0, True),
    }
