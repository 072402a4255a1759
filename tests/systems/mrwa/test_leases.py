"""Executions whose worker died come back, and are given up in the end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep
from typing import TypedDict
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dbkit import STEADY, open_async_database, open_database
from dbkit.pools import AsyncDatabase, Database
from dbkit.systems.mrwa import executions
from dbkit.systems.mrwa.worker import ClaimedWork, work_once, work_once_async

SHORT = timedelta(milliseconds=600)
DEADLINE = 30
WORKER = """
import sys, time
from datetime import timedelta
from dbkit import open_database
from dbkit.systems.mrwa import executions
from dbkit.systems.mrwa.worker import work_once

def execute(database, work):
    with database.transaction() as connection:
        executions.start_step(connection, execution_id=work.id, attempt=work.attempt, step_id=1)
    print("begun", flush=True)
    time.sleep(60)

with open_database(sys.argv[1]) as database:
    work_once(database, execute, worker="doomed", lease=timedelta(seconds=0.6))
"""


class _Held(TypedDict):
    execution_id: UUID
    attempt: int


@pytest.fixture
def url(database: Connection) -> str:
    info = database.info
    return make_conninfo(host=info.host, port=info.port, user=info.user, dbname=info.dbname)


@pytest.fixture
def pool(url: str) -> Iterator[Database]:
    with open_database(url, STEADY) as opened:
        yield opened


@pytest.fixture
def planned(database: Connection, ada: UUID) -> UUID:
    """An execution that waits for a worker, with one step."""
    execution_id = executions.add(
        database,
        user_id=ada,
        input_type="pdf",
        input_value="a.pdf",
        input_file_url=None,
        steps=[{"name": "Extract"}],
    )
    database.commit()
    return execution_id


def killed_at_work(url: str) -> None:
    """Start a worker in a process of its own, and kill it while it works."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGKILL)


def state(database: Connection, execution: UUID) -> tuple[object, ...]:
    database.rollback()
    [row] = database.execute(
        "select status, worker, attempts, error_message from executions where id = %s", [execution]
    ).fetchall()
    return tuple(row)


def wait_until_stalled(database: Connection) -> None:
    deadline = monotonic() + DEADLINE
    while not executions.list_stalled(database):
        assert monotonic() < deadline, "its lease never ran out"
        database.rollback()
        sleep(0.02)
    database.rollback()


def run_out(database: Connection) -> None:
    database.execute("update executions set leased_until = now() - interval '1 second'")
    database.commit()


def test_what_a_killed_worker_left_is_listed_and_done_by_another(
    database: Connection, pool: Database, url: str, planned: UUID
) -> None:
    seen: list[tuple[int, int]] = []

    def execute(lent: Database, work: ClaimedWork) -> None:
        with lent.transaction() as connection:
            executions.start_step(connection, execution_id=work.id, attempt=work.attempt, step_id=1)
            found = executions.find_progress(connection, execution_id=work.id)
        assert found
        seen.append((work.attempt, found.steps[0].attempts))

    killed_at_work(url)
    left = state(database, planned)
    wait_until_stalled(database)
    [stalled] = executions.list_stalled(database)
    database.rollback()
    outcome = work_once(pool, execute, worker="second")

    assert left == ("running", "doomed", 1, None)
    assert (stalled.id, stalled.worker, stalled.attempts) == (planned, "doomed", 1)
    assert seen == [(2, 2)]
    assert outcome == "completed"
    assert state(database, planned) == ("completed", "second", 2, None)
    assert executions.list_stalled(database) == []


def test_what_kills_its_workers_is_given_up_after_the_stated_attempts(
    database: Connection, url: str, planned: UUID
) -> None:
    killed_at_work(url)
    run_out(database)

    assert executions.claim(database, max_attempts=1) is None

    database.commit()
    assert state(database, planned) == (
        "failed",
        "doomed",
        1,
        "given up: its worker was lost in each of 1 attempts",
    )


def test_five_attempts_are_made_where_no_number_is_given(
    database: Connection, planned: UUID
) -> None:
    attempts: list[int] = []
    while claimed := executions.claim(database):
        attempts.append(claimed.attempt)
        run_out(database)

    database.commit()

    assert attempts == [1, 2, 3, 4, 5]
    assert state(database, planned)[0] == "failed"


def test_a_lease_that_is_renewed_does_not_run_out(
    database: Connection, pool: Database, planned: UUID
) -> None:
    others: list[object] = []

    def execute(_: Database, work: ClaimedWork) -> None:
        ends = monotonic() + 3 * SHORT.total_seconds()
        while monotonic() < ends:
            others.append(executions.claim(database))
            database.rollback()
            sleep(0.05)
        assert not work.is_lost

    assert work_once(pool, execute, lease=SHORT) == "completed"
    assert set(others) == {None}
    assert state(database, planned)[2] == 1


def test_a_worker_that_lost_its_lease_changes_nothing_any_more(
    database: Connection, ada: UUID, planned: UUID
) -> None:
    first = executions.claim(database, worker="slow")
    assert first
    run_out(database)
    second = executions.claim(database, worker="fast")
    assert second

    late: _Held = {"execution_id": planned, "attempt": first.attempt}
    touched = [
        executions.renew_lease(database, **late),
        executions.start_step(database, **late, step_id=1),
        executions.change_status(database, **late, from_status="running", status="validating"),
        executions.fail(database, **late, error_message="too late"),
        executions.complete(database, **late),
    ]

    assert touched == [0, 0, None, 0, 0]
    assert (first.user_id, second.attempt) == (ada, 2)
    held: _Held = {"execution_id": planned, "attempt": second.attempt}
    assert executions.start_step(database, **held, step_id=1) == 1
    assert executions.finish_step(database, **late, step_id=1, output="", duration_ms=1) == 0
    assert executions.finish_step(database, **held, step_id=1, output="", duration_ms=1) == 1


def test_the_worker_hears_of_it_when_its_execution_is_cancelled(
    database: Connection, pool: Database, ada: UUID, planned: UUID
) -> None:
    def execute(_: Database, work: ClaimedWork) -> None:
        executions.cancel(database, execution_id=planned, user_id=ada)
        database.commit()
        deadline = monotonic() + DEADLINE
        while not work.is_lost:
            assert monotonic() < deadline, "it was never told"
            sleep(0.02)

    assert work_once(pool, execute, lease=SHORT) == "lost"
    assert state(database, planned)[0] == "cancelled"


def test_a_step_renews_the_lease_and_the_end_ends_it(database: Connection, planned: UUID) -> None:
    executions.claim(database, lease=timedelta(0))
    executions.change_status(
        database, execution_id=planned, from_status="running", status="validating"
    )
    renewed = database.execute("select leased_until > now() from executions").fetchone()

    executions.change_status(
        database, execution_id=planned, from_status="validating", status="completed"
    )

    assert renewed == (True,)
    assert database.execute("select leased_until from executions").fetchone() == (None,)


def test_an_error_of_the_work_fails_the_execution(
    database: Connection, pool: Database, planned: UUID
) -> None:
    def execute(_: Database, __: ClaimedWork) -> None:
        message = "no such page\0"
        raise ValueError(message)

    assert work_once(pool, execute) == "failed"
    assert state(database, planned)[3] == "ValueError('no such page\\x00')"
    assert work_once(pool, execute) is None


@pytest.mark.parametrize("fails", [False, True])
def test_a_loop_works_the_same_way(
    database: Connection, url: str, planned: UUID, fails: bool
) -> None:
    async def execute(_: AsyncDatabase, work: ClaimedWork) -> None:
        await asyncio.sleep(2 * SHORT.total_seconds())
        assert executions.claim(database) is None
        database.rollback()
        if fails:
            raise ValueError(work.attempt)

    async def run() -> object:
        async with open_async_database(url, STEADY) as lent:
            return await work_once_async(lent, execute, worker="loop", lease=SHORT)

    outcome = asyncio.run(run())

    assert outcome == ("failed" if fails else "completed")
    assert state(database, planned)[:3] == (outcome, "loop", 1)


def test_one_put_to_work_by_hand_is_stalled_after_an_hour(
    database: Connection, planned: UUID
) -> None:
    by_hand = "update executions set status = 'running', started_at = now() - interval '%s minutes'"
    seen: list[list[UUID]] = []
    for minutes in (59, 61):
        with database.transaction(force_rollback=True):
            database.execute((by_hand % minutes).encode())
            seen.append([one.id for one in executions.list_stalled(database)])

    assert seen == [[], [planned]]
