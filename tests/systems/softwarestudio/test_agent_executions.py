"""What an agent does is recorded from its start to its end, with how long it took."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import CheckViolation, ForeignKeyViolation

from dbkit.systems.softwarestudio import agent_executions, audit_log
from tests.systems.softwarestudio.crowd import Crowd


@pytest.fixture
def execution(database: Connection, session: str) -> int:
    """The number of an execution that began ninety seconds ago."""
    number = agent_executions.start(
        database, session_id=session, agent_type="eng", input_summary="the spec"
    )
    database.execute("update agent_executions set started_at = now() - interval '90 seconds'")
    database.commit()
    return number


def only(database: Connection) -> agent_executions.ListForSessionRow:
    [execution] = agent_executions.list_for_session(database, session_id="s1")
    return execution


def test_an_execution_runs_until_it_is_ended(database: Connection, execution: int) -> None:
    running = only(database)

    assert (running.id, running.status, running.input_summary) == (execution, "running", "the spec")
    assert (running.tokens_used, running.duration_seconds, running.completed_at) == (0, None, None)


def test_the_database_tells_how_long_an_execution_took(
    database: Connection, execution: int
) -> None:
    ended = agent_executions.complete(
        database, id=execution, output_summary="the code", tokens_used=1200
    )

    assert ended
    assert ended.tokens_used == 1200
    assert Decimal(90) <= ended.duration_seconds < Decimal(120)
    completed = only(database)
    assert completed.completed_at
    assert completed.duration_seconds == ended.duration_seconds
    took = (completed.completed_at - completed.started_at).total_seconds()
    assert float(ended.duration_seconds) == pytest.approx(took, abs=0.02)
    assert (completed.status, completed.output_summary) == ("completed", "the code")


def test_an_execution_in_an_older_transaction_takes_no_negative_time(
    database: Connection, session: str, crowd: Crowd
) -> None:
    with psycopg.connect(crowd.url) as older:
        # long enough to show in hundredths of a second
        older.execute("select now(), pg_sleep(0.05)")
        number = agent_executions.start(database, session_id=session, agent_type="pm")
        database.commit()

        ended = agent_executions.complete(older, id=number, output_summary=None)

    assert ended
    assert ended.duration_seconds >= 0


def test_a_failed_execution_keeps_its_error(database: Connection, execution: int) -> None:
    agent_executions.fail(database, id=execution, error_message="rate limit", tokens_used=7)

    failed = only(database)
    assert (failed.status, failed.error_message, failed.tokens_used) == ("failed", "rate limit", 7)
    assert failed.duration_seconds


def test_an_execution_ends_once(execution: int, crowd: Crowd) -> None:
    ended = crowd.of(
        8,
        lambda connection, number: agent_executions.complete(
            connection, id=execution, output_summary=str(number)
        ),
    )

    assert sum(one is not None for one in ended) == 1


def test_start_and_end_are_events(database: Connection, execution: int) -> None:
    ended = agent_executions.fail(database, id=execution, error_message="rate limit")

    assert ended
    [end, start, _] = audit_log.list_recent(database, session_id="s1")
    assert (start.event_type, end.event_type) == ("agent_started", "agent_completed")
    assert start.details == {"execution_id": execution, "agent_type": "eng"}
    assert end.details == {
        "execution_id": execution,
        "agent_type": "eng",
        "status": "failed",
        "tokens_used": 0,
        "duration_seconds": float(ended.duration_seconds),
    }


def test_the_executions_of_one_agent_come_oldest_first(database: Connection, session: str) -> None:
    for agent in ("eng", "qa", "eng"):
        agent_executions.start(database, session_id=session, agent_type=agent)

    every = agent_executions.list_for_session(database, session_id=session)
    of_eng = agent_executions.list_for_session(database, session_id=session, agent_type="eng")

    assert [one.agent_type for one in every] == ["eng", "qa", "eng"]
    assert of_eng == [every[0], every[2]]


def test_an_execution_has_a_session_and_a_known_agent(database: Connection, session: str) -> None:
    with pytest.raises(ForeignKeyViolation), database.transaction():
        agent_executions.start(database, session_id="unknown", agent_type="eng")
    with pytest.raises(CheckViolation, match="agent_type"), database.transaction():
        agent_executions.start(database, session_id=session, agent_type="cook")

    assert [event.event_type for event in audit_log.list_recent(database)] == ["session_created"]


def test_tokens_are_not_negative(database: Connection, execution: int) -> None:
    with pytest.raises(CheckViolation, match="agent_executions_tokens_used_check"):
        agent_executions.complete(database, id=execution, output_summary="", tokens_used=-1)


def test_performance_is_read_from_what_was_recorded(database: Connection, execution: int) -> None:
    agent_executions.complete(database, id=execution, output_summary="", tokens_used=100)
    failed = agent_executions.start(database, session_id="s1", agent_type="eng")
    agent_executions.fail(database, id=failed, error_message="e", tokens_used=20)
    long_ago = datetime.now(UTC) - timedelta(days=8)
    old = agent_executions.start(database, session_id="s1", agent_type="qa")
    database.execute("update agent_executions set started_at = %s where id = %s", [long_ago, old])

    [performance] = agent_executions.list_performance(database)

    assert (performance.agent_type, performance.total_tokens) == ("eng", 120)
    assert (performance.total_runs, performance.successful_runs) == (2, 1)
    assert performance.avg_duration_seconds
    assert 45 <= performance.avg_duration_seconds < 60
