"""A run whose worker died is worked on by the next one, and given up after its last attempt."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from textwrap import dedent
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from dbkit import open_async_database, open_database
from dbkit.pools import Database
from dbkit.systems.myloware import hitl_approvals, orchestration_checkpoints, runs
from dbkit.systems.myloware.production_runs import LeasedRun, work_once, work_once_async
from dbkit.systems.myloware.runs import ClaimRow
from tests.systems.myloware.conftest import Crowd

SHORT = timedelta(milliseconds=600)


@pytest.fixture
def pool(database: Connection) -> Iterator[Database]:
    """The pool that a worker has."""
    with open_database(database.info.dsn) as pool:
        yield pool


def claim(connection: Connection, *, worker: str = "a", max_attempts: int = 5) -> ClaimRow:
    [claimed] = runs.claim(connection, worker=worker, max_attempts=max_attempts)
    connection.commit()
    return claimed


def end_leases(connection: Connection) -> None:
    connection.execute("update run_leases set leased_until = now()")
    connection.commit()


def test_a_claimed_run_is_given_to_nobody_else(database: Connection, run: str) -> None:
    claimed = claim(database)

    assert (claimed.run_id, claimed.project, claimed.attempt) == (run, "aismr", 1)
    assert runs.claim(database, worker="b") == []


@pytest.mark.usefixtures("run")
def test_a_run_whose_lease_is_over_is_claimed_again_and_counted(database: Connection) -> None:
    first = claim(database)
    end_leases(database)

    second = claim(database, worker="b")

    assert (second.run_id, second.attempt) == (first.run_id, 2)
    assert second.lease_id != first.lease_id


def test_many_workers_claim_every_run_once(database: Connection, crowd: Crowd) -> None:
    database.execute(
        "insert into runs (run_id, project, status)"
        " select number, 'aismr', 'running' from generate_series(1, 40) as number"
    )
    database.commit()

    def work(connection: Connection) -> list[str]:
        mine: list[str] = []
        while claimed := runs.claim(connection, worker="w", max_runs=3):
            connection.commit()
            mine += [run.run_id for run in claimed]
        return mine

    shares = crowd.at_once(*[work] * 8)

    assert sorted(int(run_id) for share in shares for run_id in share) == [*range(1, 41)]


@pytest.mark.usefixtures("run")
def test_who_claims_while_another_is_claiming_gets_nothing(
    database: Connection, crowd: Crowd
) -> None:
    runs.claim(database, worker="a")

    [others] = crowd.at_once(partial(runs.claim, worker="b"))

    assert others == []


def test_the_longest_untouched_run_comes_first(database: Connection) -> None:
    database.execute(
        "insert into runs (run_id, project, status, updated_at) values"
        " ('new', 'aismr', 'running', now()),"
        " ('old', 'aismr', 'running', now() - interval '1 hour'),"
        " ('waits', 'aismr', 'pending_ideate', now() - interval '2 hours')"
    )

    claimed = runs.claim(database, worker="a", max_runs=5)

    assert {run.run_id for run in claimed} == {"old", "new"}
    assert claimed[0].run_id == "old"


def test_after_the_last_attempt_a_run_is_given_up_and_says_so(
    database: Connection, run: str
) -> None:
    for _ in range(2):
        claim(database, max_attempts=2)
        end_leases(database)

    none = runs.claim(database, worker="b", max_attempts=2)

    found = runs.find(database, run_id=run)
    assert none == []
    assert found is not None
    assert found.status == "failed"
    assert found.result == {
        "error": "given up after its last attempt",
        "attempts": 2,
        "lastWorker": "a",
        "lastError": None,
    }
    assert runs.list_stalled(database) == []


def test_what_is_given_up_takes_no_place_of_another_run(database: Connection, run: str) -> None:
    claim(database, max_attempts=1)
    end_leases(database)
    runs.add(database, run_id="next", project="aismr", payload=None)
    runs.start(database, run_id="next")

    [claimed] = runs.claim(database, worker="b", max_attempts=1, max_runs=1)

    assert claimed.run_id == "next"
    assert runs.find(database, run_id=run)


@pytest.mark.usefixtures("run")
def test_a_heartbeat_keeps_a_run_and_is_refused_once_another_has_it(database: Connection) -> None:
    first = claim(database)
    renewed = runs.renew(
        database, run_id=first.run_id, lease_id=first.lease_id, lease=timedelta(hours=1)
    )
    database.commit()
    end_leases(database)
    claim(database, worker="b")

    late = runs.renew(database, run_id=first.run_id, lease_id=first.lease_id)

    assert renewed is not None
    assert renewed > first.leased_until
    assert late is None


def test_a_worker_that_lost_its_run_changes_nothing_more(database: Connection, run: str) -> None:
    slow = claim(database)
    end_leases(database)
    fast = claim(database, worker="b")

    def late(lease_id: UUID) -> list[object]:
        return [
            orchestration_checkpoints.save(database, run_id=run, state={}, lease_id=lease_id),
            runs.wait(database, run_id=run, gate="ideate", lease_id=lease_id),
            runs.fail(database, run_id=run, result=None, lease_id=lease_id),
            runs.finish(database, run_id=run, result={}, lease_id=lease_id),
        ]

    assert late(slow.lease_id) == late(uuid4()) == [None] * 4
    assert orchestration_checkpoints.save(database, run_id=run, state={}, lease_id=fast.lease_id)
    assert runs.finish(database, run_id=run, result={}, lease_id=fast.lease_id)


def test_a_run_that_waited_at_a_gate_begins_to_count_anew(database: Connection, run: str) -> None:
    claim(database)
    end_leases(database)
    claim(database)
    runs.wait(database, run_id=run, gate="ideate")
    hitl_approvals.add(database, run_id=run, gate="ideate")

    [claimed] = runs.claim(database, worker="b")

    assert claimed.attempt == 1


def test_a_released_run_is_due_at_once_and_its_attempt_does_not_count(
    database: Connection, run: str
) -> None:
    first = claim(database)

    released = runs.release(database, run_id=run, lease_id=first.lease_id)
    again = runs.release(database, run_id=run, lease_id=first.lease_id)
    database.commit()

    assert (released, again) == (1, 0)
    assert claim(database).attempt == 1


def test_a_postponed_run_waits_and_tells_why(database: Connection, run: str) -> None:
    first = claim(database)
    postpone = partial(runs.postpone, database, run_id=run, lease_id=first.lease_id)

    until = postpone(error="no answer", base=timedelta(minutes=1), jitter=0)

    [(now,)] = database.execute("select now()")
    assert until == now + timedelta(minutes=1)
    assert postpone(error="late") is None
    assert runs.claim(database, worker="b") == []
    end_leases(database)
    second = claim(database)
    assert (second.attempt, second.last_error) == (2, "no answer")


def test_what_nobody_works_on_is_listed(database: Connection) -> None:
    database.execute(
        "insert into runs (run_id, project, status, updated_at) values"
        " ('dead', 'aismr', 'running', now()),"
        " ('alive', 'aismr', 'running', now()),"
        " ('new', 'aismr', 'running', now()),"
        " ('forgotten', 'aismr', 'running', now() - interval '6 minutes'),"
        " ('over', 'aismr', 'failed', now() - interval '1 year')"
    )
    database.execute(
        "insert into run_leases (run_id, lease_id, worker, attempt, leased_until) values"
        " ('dead', gen_random_uuid(), 'a', 2, now() - interval '1 second'),"
        " ('alive', gen_random_uuid(), 'b', 1, now() + interval '1 second')"
    )

    stalled = runs.list_stalled(database)

    assert [(one.run_id, one.worker, one.attempts) for one in stalled] == [
        ("forgotten", None, 0),
        ("dead", "a", 2),
    ]


_WORKER = dedent(
    """
    import sys, time
    from datetime import timedelta
    from dbkit import open_database
    from dbkit.systems.myloware.production_runs import work_once

    def process(leased):
        print(leased.run.run_id, flush=True)
        time.sleep(60)

    with open_database(sys.argv[1]) as database:
        work_once(database, process, worker="killed", lease=timedelta(seconds=float(sys.argv[2])))
    """
)


@contextmanager
def a_worker(url: str, *, lease: timedelta) -> Generator["subprocess.Popen[str]"]:
    """A process that works on a run for a minute; it has claimed it already."""
    command = [sys.executable, "-c", _WORKER, url, str(lease.total_seconds())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "run_1\n"
            yield process
        finally:
            process.kill()


def test_a_run_of_a_killed_process_comes_back_and_that_of_a_living_one_does_not(
    database: Connection, run: str, pool: Database
) -> None:
    with a_worker(database.info.dsn, lease=SHORT) as process:
        time.sleep(2 * SHORT.total_seconds())
        while_it_lives = work_once(pool, lambda _: None, worker="next")
        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(1.1 * SHORT.total_seconds())
    [stalled] = runs.list_stalled(database)
    database.rollback()

    def finish(leased: LeasedRun) -> None:
        with pool.transaction() as connection:
            runs.finish(connection, run_id=run, result={}, lease_id=leased.lease_id)

    after = work_once(pool, finish, worker="next")

    found = runs.find(database, run_id=run)
    assert (while_it_lives, after) == (None, "done")
    assert (stalled.run_id, stalled.worker, stalled.attempts) == (run, "killed", 1)
    assert found is not None
    assert found.status == "published"


def test_a_run_that_kills_its_workers_is_given_up(
    database: Connection, run: str, pool: Database
) -> None:
    for _ in range(2):
        with a_worker(database.info.dsn, lease=timedelta(minutes=1)) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
        end_leases(database)

    none = work_once(pool, lambda _: None, worker="next", max_attempts=2)

    found = runs.find(database, run_id=run)
    assert none is None
    assert found is not None
    assert found.status == "failed"


@pytest.mark.usefixtures("run")
def test_a_run_that_fails_is_postponed_with_its_error(database: Connection, pool: Database) -> None:
    def process(_: LeasedRun) -> None:
        message = "no\0answer"
        raise TimeoutError(message)

    outcome = work_once(pool, process, worker="a")

    [(error, is_later)] = database.execute(
        "select last_error, leased_until > now() from run_leases"
    )
    assert (outcome, error, is_later) == ("postponed", r"TimeoutError('no\x00answer')", True)


@pytest.mark.usefixtures("run")
def test_a_run_that_was_left_running_is_postponed_too(pool: Database) -> None:
    outcome = work_once(pool, lambda _: None, worker="a")

    assert outcome == "postponed"


@pytest.mark.usefixtures("run")
def test_a_worker_that_is_stopped_gives_its_run_back(database: Connection, pool: Database) -> None:
    def process(_: LeasedRun) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_once(pool, process, worker="a")

    assert claim(database, worker="b").attempt == 1


@pytest.mark.usefixtures("run")
def test_a_worker_is_told_that_its_run_is_anothers(database: Connection, pool: Database) -> None:
    def process(leased: LeasedRun) -> None:
        assert not leased.is_lost
        end_leases(database)
        claim(database, worker="b")
        ends = time.monotonic() + 10
        while not leased.is_lost and time.monotonic() < ends:
            time.sleep(0.01)
        assert leased.is_lost

    outcome = work_once(pool, process, worker="a", lease=SHORT)

    assert outcome == "done"
    assert database.execute("select worker from run_leases").fetchone() == ("b",)


def test_a_worker_on_an_event_loop_does_the_same(database: Connection, run: str) -> None:
    async def work() -> list[object]:
        is_sleeping = asyncio.Event()
        async with open_async_database(database.info.dsn) as pool:

            async def fail(_: LeasedRun) -> None:
                raise TimeoutError

            async def sleep(_: LeasedRun) -> None:
                is_sleeping.set()
                await asyncio.sleep(60)

            async def finish(leased: LeasedRun) -> None:
                # longer than the lease, which a heartbeat renews
                await asyncio.sleep(1.5 * SHORT.total_seconds())
                async with pool.transaction() as connection:
                    await runs.finish(connection, run_id=run, result={}, lease_id=leased.lease_id)

            outcomes: list[object] = [await work_once_async(pool, fail, worker="a")]
            end_leases(database)
            cancelled = asyncio.create_task(work_once_async(pool, sleep, worker="a"))
            await is_sleeping.wait()
            cancelled.cancel()
            outcomes += await asyncio.gather(cancelled, return_exceptions=True)
            outcomes.append(await work_once_async(pool, finish, worker="a", lease=SHORT))
            outcomes.append(await work_once_async(pool, finish, worker="a"))
            return outcomes

    failed, cancelled, finished, nothing = asyncio.run(work())

    found = runs.find(database, run_id=run)
    assert (failed, finished, nothing) == ("postponed", "done", None)
    assert isinstance(cancelled, asyncio.CancelledError)
    assert found is not None
    assert found.status == "published"
