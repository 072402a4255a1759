"""Workers replay what failed, and no webhook is lost or done twice."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from threading import Event, Lock

import pytest
from psycopg import AsyncConnection, Connection

from dbkit import open_async_database, open_database
from dbkit.systems.myloware import artifacts, webhook_dlq, webhook_events
from dbkit.systems.myloware.webhook_dlq import ClaimRow
from dbkit.systems.myloware.webhook_replay import InTransaction, ReplayCounts, replay, replay_async
from tests.systems.myloware.conftest import Crowd

NOW = timedelta(0)


@pytest.fixture
def failed(database: Connection, run: str) -> str:
    """The run whose twenty webhooks have failed."""
    for number in range(20):
        webhook_events.add(
            database,
            idempotency_key=str(number),
            provider="kieai",
            headers={},
            payload=str(number).encode(),
            signature_status="valid",
        )
        webhook_dlq.add(database, idempotency_key=str(number), error="timeout", base=NOW)
    database.commit()
    return run


def record(connection: Connection, run_id: str, entry: ClaimRow) -> None:
    artifacts.add(
        connection, run_id=run_id, type="clip", provider="kieai", url=entry.payload.decode()
    )


def urls(connection: Connection, run_id: str) -> list[int]:
    found = artifacts.list_for_run(connection, run_id=run_id)
    return sorted(int(one.url or "") for one in found)


def test_many_workers_do_each_webhook_once(database: Connection, failed: str, crowd: Crowd) -> None:
    def work(connection: Connection) -> ReplayCounts:
        return replay(connection, lambda entry: record(connection, failed, entry))

    shares = crowd.at_once(*[work] * 6)

    assert sum(share.resolved for share in shares) == 20
    assert urls(database, failed) == [*range(20)]
    assert database.execute("select from webhook_dlq").rowcount == 0


def test_what_fails_again_is_taken_back_and_postponed(database: Connection, failed: str) -> None:
    def process(entry: ClaimRow) -> None:
        record(database, failed, entry)
        if int(entry.payload) % 2:
            message = "no\0answer"
            raise TimeoutError(message)

    replayed = replay(database, process)

    errors = webhook_dlq.list_common_errors(database)
    assert replayed == ReplayCounts(resolved=10, postponed=10)
    assert urls(database, failed) == [*range(0, 20, 2)]
    assert [(one.error, one.occurrences) for one in errors] == [
        (r"TimeoutError('no\x00answer')", 10)
    ]
    assert webhook_dlq.list_due(database) == []


def test_what_fails_at_its_last_attempt_is_given_up(database: Connection, failed: str) -> None:
    def process(entry: ClaimRow) -> None:
        # the failure may be the database's own, in the middle of what is being done
        record(database, "nowhere", entry)

    replayed = replay(database, process, max_retries=1)

    assert replayed == ReplayCounts(given_up=20)
    assert len(webhook_dlq.list_given_up(database)) == 20
    assert urls(database, failed) == []


def test_some_that_fail_at_times_are_all_done_once_in_the_end(
    database: Connection, failed: str, crowd: Crowd
) -> None:
    attempts: Counter[bytes] = Counter()
    lock = Lock()

    def work(connection: Connection) -> ReplayCounts:
        def process(entry: ClaimRow) -> None:
            record(connection, failed, entry)
            with lock:
                attempts[entry.payload] += 1
                attempt = attempts[entry.payload]
            if attempt <= int(entry.payload) % 3:
                raise ConnectionError

        return replay(connection, process)

    for _ in range(3):
        crowd.at_once(*[work] * 4)
        database.execute("update webhook_dlq set next_retry_at = null")
        database.commit()

    assert urls(database, failed) == [*range(20)]
    assert {int(key): count for key, count in attempts.items()} == {
        number: number % 3 + 1 for number in range(20)
    }


def test_what_another_worker_was_faster_with_is_taken_back(
    database: Connection, failed: str, crowd: Crowd
) -> None:
    other = crowd.connect()

    def process(entry: ClaimRow) -> None:
        record(database, failed, entry)
        if entry.payload == b"7":
            webhook_dlq.resolve(other, id=entry.id)
            other.commit()

    replayed = replay(database, process)

    assert replayed == ReplayCounts(resolved=19, lost=1)
    assert urls(database, failed) == [number for number in range(20) if number != 7]


def test_a_worker_that_is_stopped_leaves_the_rest_to_others(
    database: Connection, failed: str
) -> None:
    def process(entry: ClaimRow) -> None:
        record(database, failed, entry)
        if entry.payload == b"5":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(database, process, lease=NOW)

    replayed = replay(database, lambda entry: record(database, failed, entry))
    assert replayed.resolved > 0
    assert urls(database, failed) == [*range(20)]


@pytest.mark.usefixtures("failed")
def test_a_claim_has_to_be_committed_so_an_open_transaction_is_refused(
    database: Connection,
) -> None:
    database.execute("select 1")

    with pytest.raises(InTransaction, match="is in a transaction"):
        replay(database, lambda _: None)


def test_a_worker_takes_no_more_than_it_is_told(database: Connection, failed: str) -> None:
    replayed = replay(database, lambda entry: record(database, failed, entry), max_webhooks=3)

    assert replayed == ReplayCounts(resolved=3)
    assert replayed.total == len(urls(database, failed)) == 3


def test_workers_on_an_event_loop_do_the_same(
    database: Connection, failed: str, crowd: Crowd
) -> None:
    other = crowd.connect()

    async def work() -> ReplayCounts:
        async with await AsyncConnection.connect(database.info.dsn) as connection:

            async def process(entry: ClaimRow) -> None:
                await artifacts.add(
                    connection,
                    run_id=failed,
                    type="clip",
                    provider="kieai",
                    url=entry.payload.decode(),
                )
                if entry.payload == b"3":
                    raise TimeoutError
                if entry.payload == b"7":
                    webhook_dlq.resolve(other, id=entry.id)
                    other.commit()

            replayed = await replay_async(connection, process)
            await connection.execute("select 1")
            with pytest.raises(InTransaction):
                await replay_async(connection, process)
            return replayed

    replayed = asyncio.run(work())

    assert replayed == ReplayCounts(resolved=18, postponed=1, lost=1)
    assert urls(database, failed) == [number for number in range(20) if number not in {3, 7}]


def test_one_that_fails_for_good_on_an_event_loop_is_given_up(
    database: Connection, failed: str
) -> None:
    async def work() -> ReplayCounts:
        async with await AsyncConnection.connect(database.info.dsn) as connection:

            async def process(_: ClaimRow) -> None:
                raise TimeoutError

            return await replay_async(connection, process, max_retries=1, max_webhooks=2)

    assert asyncio.run(work()) == ReplayCounts(given_up=2)
    assert failed


def test_a_webhook_whose_work_outlasts_its_lease_is_given_to_nobody_else(
    database: Connection, failed: str
) -> None:
    lease = timedelta(milliseconds=300)
    others: list[list[ClaimRow]] = []

    with open_database(database.info.dsn, min_size=1, max_size=2) as pool:

        def process(entry: ClaimRow) -> None:
            ended = time.monotonic() + 2 * lease.total_seconds()
            while time.monotonic() < ended:
                with pool.transaction() as connection:
                    others.append(webhook_dlq.claim(connection, max_entries=20, lease=lease * 100))
                Event().wait(0.02)
            record(database, failed, entry)

        replayed = replay(database, process, lease=lease, max_webhooks=1, database=pool)

    assert replayed == ReplayCounts(resolved=1)
    taken = [entry.idempotency_key for claimed in others for entry in claimed]
    assert len(taken) == 19
    assert {*taken, str(urls(database, failed)[0])} == {str(number) for number in range(20)}


def test_a_loop_renews_leases_too(database: Connection, failed: str) -> None:
    lease = timedelta(milliseconds=300)
    ends: set[object] = set()

    async def work() -> ReplayCounts:
        async with (
            open_async_database(database.info.dsn, min_size=1, max_size=2) as pool,
            await AsyncConnection.connect(database.info.dsn) as connection,
            asyncio.timeout(20),
        ):

            async def process(entry: ClaimRow) -> None:
                while len(ends) < 3:
                    async with pool.connection() as other:
                        rows = await other.execute(
                            "select next_retry_at from webhook_dlq where id = %s", [entry.id]
                        )
                        ends.update(await rows.fetchall())
                    await asyncio.sleep(0.02)

            return await replay_async(
                connection, process, lease=lease, max_webhooks=1, database=pool
            )

    assert failed
    assert asyncio.run(work()) == ReplayCounts(resolved=1)
