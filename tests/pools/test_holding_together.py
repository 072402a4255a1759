"""Whatever interrupts callers, the pool stays whole: none too many, none lost, none unfit."""

import asyncio
import gc
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import PoolClosed, PoolTimeout

from dbkit.pools import (
    AsyncDatabase,
    Database,
    DatabaseClosed,
    NoConnection,
    TooManyWaiting,
    open_async_database,
    open_database,
)
from dbkit.runtime import awaited, one
from tests.runtime.statements import statement

NUMBER = statement("select $1 + 1 as n", takes={"x": "int4"}, gives={"n": "int4"})
SLOW = statement(
    "select $1 as n, pg_sleep(0.001) is null as s",
    takes={"n": "int4"},
    gives={"n": "int4", "s": "bool"},
)
KILL = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""
PID = "select pg_backend_pid()"


def kill(url: str) -> None:
    """End every session of a database but one's own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(KILL)


def pids(database: Database, count: int) -> set[int]:
    """Lend so many connections at once, and give the process ids of their backends."""
    if not count:
        return set()
    with database.connection(timeout=5) as connection:
        return {connection.info.backend_pid} | pids(database, count - 1)


async def whole(database: AsyncDatabase, size: int) -> None:
    """Lend all connections of a pool at once and call on each; then nothing is lent."""
    lendings = [database.connection(timeout=5) for _ in range(size)]
    connections = [await lending.__aenter__() for lending in lendings]
    numbers = [await awaited.one(connection, NUMBER, [1]) for connection in connections]
    assert numbers == [2] * size
    assert len({connection.info.backend_pid for connection in connections}) == size
    for lending in lendings:
        await lending.__aexit__(None, None, None)
    statistics = database.statistics()
    assert (statistics.lent, statistics.waiting, statistics.idle) == (0, 0, size)


def test_threads_get_their_own_rows_while_backends_are_killed(empty_url: str) -> None:
    wrong: list[object] = []
    done: list[int] = []

    def work(database: Database, seed: int) -> None:
        seeded = random.Random(seed)  # noqa: S311 - no secrets
        for _ in range(60):
            n = seeded.randrange(1_000_000)
            with suppress(psycopg.OperationalError), database.connection() as connection:
                found = one(connection, SLOW, [n])[0]
                done.append(n)
                wrong.extend([(n, found)] if found != n else [])

    with open_database(empty_url, max_size=4, timeout=20) as database:
        threads = [threading.Thread(target=work, args=(database, seed)) for seed in range(12)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            time.sleep(0.03)
            kill(empty_url)
        for thread in threads:
            thread.join(60)

        assert not any(thread.is_alive() for thread in threads)
        assert wrong == []
        assert len(done) > 12 * 30
        assert len(pids(database, 4)) == 4
        statistics = database.statistics()
        assert (statistics.size, statistics.lent, statistics.waiting) == (4, 0, 0)


@pytest.mark.usefixtures("own_session")
def test_a_killed_idle_session_is_not_lent(empty_url: str) -> None:
    with open_database(empty_url, max_size=3) as database:
        before = pids(database, 3)
        kill(empty_url)
        assert not before & pids(database, 3)
        assert database.statistics().lost == 3


def test_cancelled_tasks_leave_the_pool_whole(empty_url: str) -> None:
    async def call(database: AsyncDatabase, n: int) -> int:
        async with database.connection() as connection:
            await connection.execute("select set_config('app.user', %s, true)", [str(n)])
            found: int = (await awaited.one(connection, SLOW, [n]))[0]
            return found

    async def work() -> None:
        seeded = random.Random(3)  # noqa: S311 - moments, no secrets
        async with open_async_database(empty_url, max_size=4, timeout=20) as database:
            await whole(database, 4)
            cancelled = 0
            for _ in range(25):
                tasks = [asyncio.create_task(call(database, n)) for n in range(16)]
                await asyncio.sleep(seeded.random() * 0.01)
                for task in seeded.sample(tasks, 10):
                    task.cancel()
                    await asyncio.sleep(seeded.choice([0, 0, 0.0005]))
                found = await asyncio.gather(*tasks, return_exceptions=True)
                for n, result in enumerate(found):
                    cancelled += isinstance(result, asyncio.CancelledError)
                    assert isinstance(result, asyncio.CancelledError) or result == n
                async with database.connection() as connection:
                    user = await connection.execute("select current_setting('app.user', true)")
                    assert await user.fetchone() in {(None,), ("",)}
            assert cancelled > 50
            await whole(database, 4)

    asyncio.run(work())


@pytest.fixture
def alarm() -> Iterator[None]:
    """SIGALRM interrupts as Ctrl-C does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_a_caller_that_is_interrupted_anywhere_costs_at_most_its_connection(empty_url: str) -> None:
    seeded = random.Random(5)  # noqa: S311 - moments, no secrets
    interrupted = 0
    with open_database(empty_url, max_size=2, timeout=10) as database:
        pids(database, 2)
        for n in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + seeded.random() * 0.0008)
                with database.connection() as connection:
                    assert one(connection, NUMBER, [n]) == n + 1
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            with database.connection() as connection:
                assert connection.info.transaction_status == TransactionStatus.IDLE
                assert one(connection, NUMBER, [-n]) == 1 - n
        assert interrupted > 20
        assert len(pids(database, 2)) == 2
        assert database.statistics().lent == 0


def test_who_waits_too_long_is_told_why(empty_url: str) -> None:
    async def work() -> None:
        async with (
            open_async_database(empty_url, max_size=1, max_waiting=1) as database,
            database.connection(),
        ):
            waits = asyncio.create_task(database.connection(timeout=0.05).__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(TooManyWaiting, match="1 callers wait"):
                await database.connection().__aenter__()
            with pytest.raises(NoConnection, match=r"0\.05 sec: all 1 are in use"):
                await waits

    asyncio.run(work())
    with open_database(empty_url, max_size=1) as database, database.connection():
        with pytest.raises(PoolTimeout, match=r"0\.05 sec: all 1 are in use"):
            database.connection(timeout=0.05).__enter__()
        assert database.statistics().refused == 1


def test_a_closed_database_lends_nothing(empty_url: str) -> None:
    database = open_database(empty_url, max_size=1)
    told: list[BaseException] = []

    def wait() -> None:
        try:
            database.connection().__enter__()
        except PoolClosed as error:
            told.append(error)

    with database.connection() as lent:
        waits = threading.Thread(target=wait)
        waits.start()
        while not database.statistics().waiting:
            time.sleep(0.001)
        database.close()
        waits.join(10)
    assert lent.closed
    assert len(told) == 1
    with pytest.raises(DatabaseClosed, match="the database is closed"):
        database.connection().__enter__()
    unopened = open_database(empty_url, open=False)
    with pytest.raises(DatabaseClosed, match="not open yet"):
        unopened.connection().__enter__()
    with unopened, unopened.connection() as connection:
        assert one(connection, NUMBER, [1]) == 2


def test_a_connection_is_given_back_as_it_was_lent(empty_url: str) -> None:
    async def work() -> None:
        async with open_async_database(empty_url, max_size=1) as database:
            async with database.connection() as connection:
                await connection.set_autocommit(True)
                connection.row_factory = dict_row  # type: ignore[assignment]
            async with database.connection() as connection:
                assert not connection.autocommit
                cursor = await connection.execute("select 1")
                assert await cursor.fetchone() == (1,)

    with open_database(empty_url, max_size=1) as database:
        with database.connection() as connection:
            connection.autocommit = True
            connection.prepare_threshold = 0
            pid = connection.info.backend_pid
        with database.connection() as connection:
            assert (connection.autocommit, connection.prepare_threshold) == (False, None)
            with connection:
                one(connection, NUMBER, [1])
            assert connection.info.backend_pid == pid
            assert not connection.closed
    asyncio.run(work())


@pytest.mark.usefixtures("own_session")
def test_hooks_see_each_connection(empty_url: str) -> None:
    seen: list[str] = []

    def configure(connection: Connection) -> None:
        connection.execute("set search_path = elsewhere")
        seen.append("made")

    def reset(connection: Connection) -> None:
        connection.execute("reset app.name")
        seen.append("back")

    with open_database(
        empty_url, max_size=1, configure=configure, reset=reset, kwargs={"application_name": "shop"}
    ) as database:
        for _ in range(2):
            with database.connection() as connection:
                row = connection.execute(
                    "select current_setting('search_path'), current_setting('application_name'), "
                    "coalesce(current_setting('app.name', true), ''), "
                    "set_config('app.name', 'u', false)"
                ).fetchone()
            assert row == ("elsewhere", "shop", "", "u")
    assert seen == ["made", "back", "back"]


def test_an_awaited_hook_that_fails_costs_the_connection(empty_url: str) -> None:
    made: list[int] = []

    async def configure(connection: AsyncConnection) -> None:
        made.append(connection.info.backend_pid)

    async def reset(connection: AsyncConnection) -> None:
        await connection.execute("select 1 / 0")

    async def work() -> None:
        async with open_async_database(
            empty_url, max_size=1, configure=configure, reset=reset
        ) as database:
            for _ in range(3):
                async with database.connection() as connection:
                    assert await awaited.one(connection, NUMBER, [1]) == 2
            assert database.statistics().retired >= 2

    asyncio.run(work())
    assert len(set(made)) >= 3


def test_the_old_are_replaced_and_the_idle_are_closed(empty_url: str) -> None:
    with open_database(empty_url, max_size=3, max_idle=0.05, max_lifetime=3600) as database:
        pids(database, 3)
        while database.statistics().size > 1:
            time.sleep(0.01)
        assert database.statistics().retired == 2
        # given back when nothing else is to be done
        with database.connection(), database.connection(), database.connection():
            time.sleep(0.3)
        while database.statistics().size > 1:
            time.sleep(0.01)
        assert database.statistics().retired == 4
    with open_database(empty_url, max_size=1, max_lifetime=0.2) as database:
        first = pids(database, 1)
        while pids(database, 1) == first:
            time.sleep(0.01)

    async def work() -> None:
        async with open_async_database(empty_url, max_size=3, max_idle=0.05) as database:
            await whole(database, 3)
            while database.statistics().size > 1:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.01)

    asyncio.run(work())


def test_a_forgotten_database_leaves_no_thread_and_no_session(empty_url: str) -> None:
    def forget() -> None:
        database = open_database(empty_url, name="forgotten")
        with database.connection() as connection:
            one(connection, NUMBER, [1])

    forget()

    # they end by themselves
    while [thread for thread in threading.enumerate() if "forgotten" in thread.name]:
        time.sleep(0.01)


@pytest.mark.usefixtures("names")
def test_statements_and_connections_are_counted(empty_url: str) -> None:
    with open_database(empty_url, max_size=1) as database:
        for n in range(4):
            with database.connection() as connection:
                one(connection, NUMBER, [n])
        with database.connection() as connection:
            connection.execute("deallocate all")
        for n in range(2):
            with database.connection() as connection:
                one(connection, NUMBER, [n])
        counted = database.statistics()
        assert (counted.size, counted.idle, counted.requests, counted.waits) == (1, 1, 7, 0)
        assert (counted.prepared, counted.healed) == (2, 1)
        assert counted.named >= 5
    with open_database(empty_url, max_size=1, prepare="never") as database:
        with database.connection() as connection:
            one(connection, NUMBER, [1])
        kill(empty_url)
        with database.connection() as connection:
            one(connection, NUMBER, [1])
        counted = database.statistics()
        # those of a connection that is gone stay counted
        assert (counted.unnamed, counted.named, counted.prepared, counted.lost) == (2, 0, 0, 1)


def test_a_database_that_is_freed_at_any_moment_closes_its_pool(empty_url: str) -> None:
    database = open_database(empty_url)
    # there is no other way to be inside its lock
    pool: Any = vars(database)["_pool"]
    lock: threading.Lock = pool.__dict__["_lock"]
    circle: list[object] = [database]
    circle.append(circle)
    del database, circle

    def collect() -> None:
        with lock:
            gc.collect()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(30)

    assert not thread.is_alive()
    assert pool.stock.is_closed
