"""Executions whose agent's worker died come back, and are given up in the end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep

import pytest
from psycopg import Connection

from dbkit import STEADY, open_async_database, open_database
from dbkit.pools import Database
from dbkit.systems.softwarestudio import agent_executions, audit_log
from dbkit.systems.softwarestudio.agent_work import holding, holding_async
from tests.systems.softwarestudio.crowd import Crowd

SHORT = timedelta(milliseconds=600)
WORKER = """
import sys, time
from datetime import timedelta
from dbkit import open_database
from dbkit.systems.softwarestudio import agent_executions
from dbkit.systems.softwarestudio.agent_work import holding

lease = timedelta(seconds=0.6)
with open_database(sys.argv[1]) as database:
    with database.transaction() as connection:
        number = agent_executions.start(
            connection, session_id="s1", agent_type="eng", worker="doomed", lease=lease
        )
    with holding(database, number, lease=lease):
        print("begun", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def pool(crowd: Crowd) -> Iterator[Database]:
    with open_database(crowd.url, STEADY) as opened:
        yield opened


def start(database: Connection, lease: timedelta = SHORT) -> int:
    number = agent_executions.start(
        database, session_id="s1", agent_type="eng", worker="first", lease=lease
    )
    database.commit()
    return number


def run_out(database: Connection) -> None:
    database.execute("update agent_executions set leased_until = now() - interval '1 second'")
    database.commit()


def only(database: Connection) -> agent_executions.ListForSessionRow:
    [execution] = agent_executions.list_for_session(database, session_id="s1")
    database.rollback()
    return execution


@pytest.mark.usefixtures("session")
def test_what_a_killed_worker_left_is_listed_and_ended_by_another(
    database: Connection, crowd: Crowd
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, crowd.url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGKILL)
    deadline = monotonic() + 30
    while not (stalled := agent_executions.list_stalled(database)):
        assert monotonic() < deadline, "its lease never ran out"
        database.rollback()
        sleep(0.02)

    claimed = agent_executions.claim_stalled(database, worker="second")

    assert claimed
    assert (stalled[0].id, stalled[0].worker, stalled[0].attempts) == (claimed.id, "doomed", 1)
    assert (claimed.worker, claimed.attempt) == ("second", 2)
    assert agent_executions.list_stalled(database) == []
    ended = agent_executions.complete(
        database, id=claimed.id, attempt=claimed.attempt, output_summary="the code"
    )
    database.commit()
    assert ended
    assert (only(database).status, only(database).leased_until) == ("completed", None)


@pytest.mark.usefixtures("session")
def test_a_worker_that_lost_its_lease_ends_nothing(database: Connection) -> None:
    number = start(database)
    run_out(database)
    second = agent_executions.claim_stalled(database)

    assert second
    assert agent_executions.complete(database, id=number, attempt=1, output_summary="late") is None
    assert agent_executions.fail(database, id=number, attempt=1, error_message="late") is None
    assert agent_executions.renew_lease(database, id=number, attempt=1) == 0
    assert agent_executions.renew_lease(database, id=number, attempt=second.attempt) == 1
    assert agent_executions.fail(database, id=number, attempt=2, error_message="rate limit")
    database.commit()
    assert (only(database).error_message, only(database).leased_until) == ("rate limit", None)


@pytest.mark.usefixtures("session")
def test_what_kills_its_workers_is_given_up_after_five_attempts_with_an_event(
    database: Connection,
) -> None:
    number = start(database)
    attempts: list[int] = []
    run_out(database)
    while claimed := agent_executions.claim_stalled(database):
        attempts.append(claimed.attempt)
        run_out(database)
    database.commit()

    assert attempts == [2, 3, 4, 5]
    given_up = only(database)
    assert given_up.error_message == "given up: its worker was lost in each of 5 attempts"
    assert (given_up.status, given_up.leased_until) == ("failed", None)
    [event, *_] = audit_log.list_recent(database, session_id="s1")
    assert event.event_type == "agent_completed"
    assert isinstance(event.details, dict)
    assert (event.details["execution_id"], event.details["status"]) == (number, "failed")


@pytest.mark.usefixtures("session")
def test_of_workers_that_want_the_same_one_gets_it(database: Connection, crowd: Crowd) -> None:
    start(database)
    run_out(database)

    claimed = crowd.of(6, lambda connection, _: agent_executions.claim_stalled(connection))

    assert sum(one is not None for one in claimed) == 1


@pytest.mark.usefixtures("session")
def test_a_lease_that_is_renewed_does_not_run_out(database: Connection, pool: Database) -> None:
    number = start(database)
    ends = monotonic() + 3 * SHORT.total_seconds()

    with holding(pool, number, lease=SHORT) as held:
        while monotonic() < ends:
            assert agent_executions.claim_stalled(database) is None
            database.rollback()
            sleep(0.05)

    assert not held.is_lost


@pytest.mark.usefixtures("session")
def test_who_holds_an_execution_in_a_loop_hears_that_it_has_ended(
    database: Connection, crowd: Crowd
) -> None:
    number = start(database)

    async def hold() -> bool:
        async with (
            open_async_database(crowd.url, STEADY) as lent,
            holding_async(lent, number, lease=SHORT) as held,
        ):
            await asyncio.sleep(2 * SHORT.total_seconds())
            assert not held.is_lost
            assert agent_executions.claim_stalled(database) is None
            agent_executions.complete(database, id=number, output_summary="")
            database.commit()
            await asyncio.sleep(SHORT.total_seconds())
            return held.is_lost

    assert asyncio.run(hold())


@pytest.mark.usefixtures("session")
def test_one_that_was_inserted_by_hand_is_stalled_after_an_hour(database: Connection) -> None:
    insert = """
        insert into agent_executions (session_id, agent_type, started_at)
        values
            ('s1', 'pm', now() - interval '59 minutes'), ('s1', 'qa', now() - interval '61 minutes')
    """
    database.execute(insert)

    assert [one.agent_type for one in agent_executions.list_stalled(database)] == ["qa"]
    assert agent_executions.claim_stalled(database) is None
