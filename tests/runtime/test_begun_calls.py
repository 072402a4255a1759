"""A call that begins its transaction does so in one trip, and leaves no pipeline behind."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.pq import PipelineStatus, TransactionStatus

from dbkit.runtime import awaited, many, one
from tests.runtime.statements import statement

NUMBER = statement("select $1 + 1 as n", takes={"x": "int4"}, gives={"n": "int4"})
PARTS = statement("select 12 / $1 as n", takes={"x": "int4"}, gives={"n": "int4"})
LONG = statement("select length($1) as n", takes={"t": "text"}, gives={"n": "int4"})
SLOW = statement(
    "select $1 as n, pg_sleep(0.002) is null as s",
    takes={"n": "int4"},
    gives={"n": "int4", "s": "bool"},
)
NUMBERS = statement(
    "select n from generate_series(1, $1) as n", takes={"last": "int4"}, gives={"n": "int4"}
)
LEAVE = statement(
    "select case when $1 then pg_terminate_backend(pg_backend_pid()) end as gone",
    takes={"x": "bool"},
    gives={"gone": "bool"},
)


def run(url: str, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with await AsyncConnection.connect(url, prepare_threshold=None) as connection:
            await work(connection)

    asyncio.run(connected())


def test_a_transaction_begins_with_the_options_of_its_connection(connection: Connection) -> None:
    level = statement(
        "select current_setting('transaction_isolation') || $1 as s",
        takes={"x": "text"},
        gives={"s": "text"},
    )
    for _ in range(2):
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        assert one(connection, level, ["!"]) == "serializable!"
        assert connection.info.transaction_status == TransactionStatus.INTRANS
        connection.rollback()


def test_an_error_is_that_of_the_call(connection: Connection) -> None:
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            one(connection, PARTS, [0])
        assert connection.info.transaction_status == TransactionStatus.INERROR
        assert connection.pgconn.pipeline_status == PipelineStatus.OFF
        connection.rollback()
        assert one(connection, PARTS, [3]) == 4
        connection.rollback()


def test_what_is_large_arrives(typed_url: str, connection: Connection) -> None:
    async def work(other: AsyncConnection) -> None:
        for _ in range(2):
            assert await awaited.one(other, LONG, ["x" * 5_000_000]) == 5_000_000
            await other.rollback()
            assert await awaited.many(other, NUMBERS, [30_000]) == list(range(1, 30_001))
            await other.rollback()

    for _ in range(2):
        assert one(connection, LONG, ["x" * 5_000_000]) == 5_000_000
        connection.rollback()
        assert many(connection, NUMBERS, [30_000]) == list(range(1, 30_001))
        connection.rollback()
    run(typed_url, work)


def test_a_server_that_ends_the_session_is_told(typed_url: str) -> None:
    async def work(other: AsyncConnection) -> None:
        await awaited.one(other, NUMBER, [1])
        await other.rollback()
        with pytest.raises(psycopg.OperationalError, match=r"terminating|closed"):
            await awaited.one(other, LEAVE, [True])
        assert other.closed

    run(typed_url, work)
    connection = psycopg.connect(typed_url)
    one(connection, LEAVE, [None])
    connection.rollback()
    with pytest.raises(psycopg.OperationalError, match=r"terminating|closed"):
        one(connection, LEAVE, [True])
    assert connection.closed


def test_a_cancelled_call_leaves_no_pipeline_and_no_row(typed_url: str) -> None:
    seeded = random.Random(11)  # noqa: S311 - moments, no secrets

    async def work(connection: AsyncConnection) -> None:
        await awaited.one(connection, SLOW, [0])
        await awaited.one(connection, NUMBER, [0])
        await connection.rollback()
        cancelled = 0
        for n in range(150):
            task = asyncio.create_task(awaited.one(connection, SLOW, [n]))
            await asyncio.sleep(seeded.random() * 0.004)
            task.cancel()
            try:
                assert (await task)[0] == n
            except asyncio.CancelledError:
                cancelled += 1
            assert connection.pgconn.pipeline_status == PipelineStatus.OFF
            assert connection.pgconn.transaction_status != TransactionStatus.ACTIVE
            await connection.rollback()
            assert await awaited.one(connection, NUMBER, [n]) == n + 1
            await connection.rollback()
        assert cancelled > 10

    run(typed_url, work)


@pytest.fixture
def alarm() -> Iterator[None]:
    """SIGALRM interrupts as Ctrl-C does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_an_interrupted_call_is_whole_or_its_connection_closed(typed_url: str) -> None:
    seeded = random.Random(13)  # noqa: S311 - moments, no secrets
    connection = psycopg.connect(typed_url)
    interrupted = 0
    for n in range(400):
        if connection.closed:
            connection = psycopg.connect(typed_url)
        one(connection, NUMBER, [n])
        connection.rollback()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.00001 + seeded.random() * 0.0003)
            assert one(connection, NUMBER, [n]) == n + 1
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            interrupted += 1
        if not connection.closed:
            assert connection.pgconn.pipeline_status == PipelineStatus.OFF
            connection.rollback()
            assert one(connection, NUMBER, [-n]) == 1 - n
            connection.rollback()
    connection.close()

    assert interrupted > 10


class _Late(Exception):
    """Raised by a handler of SIGALRM, as a program may do for its own limit of time."""


@pytest.fixture
def limit() -> Iterator[None]:
    def late(*_: object) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("limit")
def test_what_a_signals_handler_raises_leaves_the_connection_at_rest(typed_url: str) -> None:
    seeded = random.Random(17)  # noqa: S311 - moments, no secrets
    late = 0
    with psycopg.connect(typed_url, autocommit=True) as connection:
        one(connection, SLOW, [0])
        for n in range(150):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005 + seeded.random() * 0.002)
                assert one(connection, SLOW, [n])[0] == n
                signal.setitimer(signal.ITIMER_REAL, 0)
            except _Late:
                late += 1
            assert connection.pgconn.transaction_status == TransactionStatus.IDLE
            assert one(connection, NUMBER, [n]) == n + 1
    assert late > 10
