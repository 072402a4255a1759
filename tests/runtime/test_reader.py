"""Awaited calls wait on the loop, and leave nothing behind whatever becomes of them."""

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.pq import PipelineStatus, TransactionStatus

from dbkit.runtime.awaited import many, one
from tests.runtime.statements import statement

NUMBER = statement("select $1 + 1 as n", takes={"x": "int4"}, gives={"n": "int4"})
NUMBERS = statement(
    "select n, repeat('x', 100) as t from generate_series(1, $1) as n",
    takes={"last": "int4"},
    gives={"n": "int4", "t": "text"},
)
SLOW = statement(
    "select $1 as n, pg_sleep(0.002) is null as s",
    takes={"n": "int4"},
    gives={"n": "int4", "s": "bool"},
)
SLOWER = statement(
    "select pg_sleep($1) is null as s", takes={"seconds": "float8"}, gives={"s": "bool"}
)
LONG = statement("select length($1) as n", takes={"t": "text"}, gives={"n": "int4"})


def awaited(url: str, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await work(connection)

    asyncio.run(connected())


def test_a_cancelled_call_leaves_no_row_to_the_next(typed_url: str) -> None:
    seeded = random.Random(7)  # noqa: S311 - moments, no secrets

    async def work(connection: AsyncConnection) -> None:
        await one(connection, SLOW, [0])
        await one(connection, NUMBER, [0])
        cancelled = 0
        for n in range(150):
            task = asyncio.create_task(one(connection, SLOW, [n]))
            await asyncio.sleep(seeded.random() * 0.004)
            task.cancel()
            try:
                assert (await task)[0] == n
            except asyncio.CancelledError:
                cancelled += 1
            assert connection.pgconn.transaction_status == TransactionStatus.IDLE
            assert connection.pgconn.pipeline_status == PipelineStatus.OFF
            assert await one(connection, NUMBER, [n]) == n + 1
        assert cancelled > 10

    awaited(typed_url, work)


# pgbouncer 1.18 ends itself when a client leaves while it is cancelled
@pytest.mark.usefixtures("own_session")
def test_a_call_cancelled_twice_closes_the_connection_or_leaves_it_whole(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await one(connection, SLOWER, [0])
        task = asyncio.create_task(one(connection, SLOWER, [10]))
        await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert connection.closed or await one(connection, NUMBER, [1]) == 2

    awaited(typed_url, work)


def test_a_large_result_and_a_large_value_arrive(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        for _ in range(2):
            rows = await many(connection, NUMBERS, [20_000])
            assert [n for n, _ in rows] == list(range(1, 20_001))
            assert await one(connection, LONG, ["x" * 5_000_000]) == 5_000_000

    awaited(typed_url, work)


def test_the_drivers_own_calls_between_do_no_harm(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        for n in range(40):
            assert await one(connection, NUMBER, [n]) == n + 1
            cursor = await connection.execute("select %s::int4", [n])
            assert await cursor.fetchone() == (n,)
        async with connection.transaction():
            assert await one(connection, NUMBER, [1]) == 2

    awaited(typed_url, work)


@pytest.mark.usefixtures("own_session")
def test_a_notice_that_arrives_with_an_answer_is_handed_on(typed_url: str) -> None:
    heard: list[str] = []
    notify = statement(
        "select pg_notify('heard', $1)::text as n", takes={"t": "text"}, gives={"n": "text"}
    )

    async def work(connection: AsyncConnection) -> None:
        connection.add_notify_handler(lambda notice: heard.append(notice.payload))
        await connection.execute("listen heard")
        for text in ("a", "b"):
            await one(connection, notify, [text])
        await one(connection, NUMBER, [1])

    awaited(typed_url, work)
    assert heard == ["a", "b"]


def test_a_connection_serves_one_loop_after_the_other(typed_url: str) -> None:
    first = asyncio.new_event_loop()
    connection = first.run_until_complete(AsyncConnection.connect(typed_url, autocommit=True))
    assert [first.run_until_complete(one(connection, NUMBER, [n])) for n in range(2)] == [1, 2]
    first.close()

    async def again() -> list[int]:
        numbers = [await one(connection, NUMBER, [n]) for n in range(3)]
        await connection.close()
        return numbers

    assert asyncio.run(again()) == [1, 2, 3]


def test_a_server_that_ends_the_session_is_told(typed_url: str) -> None:
    leave = statement(
        "select pg_terminate_backend(pg_backend_pid()) and $1 as gone",
        takes={"x": "bool"},
        gives={"gone": "bool"},
    )

    async def work(connection: AsyncConnection) -> None:
        await one(connection, NUMBER, [1])
        with pytest.raises(psycopg.OperationalError):
            await one(connection, leave, [True])
        assert connection.broken
        with pytest.raises(psycopg.OperationalError):
            await one(connection, NUMBER, [1])

    awaited(typed_url, work)


def test_no_descriptor_and_no_session_is_left(typed_url: str) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list a process's descriptors")

    async def work() -> None:
        for _ in range(5):
            async with await AsyncConnection.connect(typed_url, autocommit=True) as connection:
                for n in range(2):
                    assert await one(connection, NUMBER, [n]) == n + 1
        await asyncio.sleep(0.05)

    asyncio.run(work())
    gc.collect()
    before = len(list(descriptors.iterdir()))
    for _ in range(3):
        asyncio.run(work())
    gc.collect()

    assert len(list(descriptors.iterdir())) == before
