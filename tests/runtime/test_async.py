"""On an async connection every call is the same, awaited."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from psycopg import AsyncConnection

from dbkit.errors import NoRow, OutsideTransaction
from dbkit.runtime.awaited import batch, batch_rows, copy, execute, many, one, optional, stream
from tests.runtime.statements import echo, statement

NUMBERS = statement(
    "select n from generate_series(1, $1) as n", takes={"last": "int4"}, gives={"n": "int4"}
)
ADD = statement(
    "insert into things (id, name) values ($1, $2)", takes={"id": "int4", "name": "text"}
)
ADD_BACK = statement(
    "insert into things (id, name) values ($1, $2) returning id",
    takes={"id": "int4", "name": "text"},
    gives={"id": "int4"},
)
SLEEP = statement("select pg_sleep(30)", gives={"pg_sleep": "void"})


def awaited(url: str, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with await AsyncConnection.connect(url) as connection:
            await work(connection)
            await connection.rollback()

    asyncio.run(connected())


def test_each_kind_can_be_awaited(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        assert await one(connection, NUMBERS, [1]) == 1
        assert await one(connection, echo("mood[]"), [["glad"]]) == ["glad"]
        assert await optional(connection, NUMBERS, [0]) is None
        assert await many(connection, NUMBERS, [3]) == [1, 2, 3]
        assert await execute(connection, ADD, [1, "a"]) == 1
        assert await batch(connection, ADD, [(2, "b"), (3, "c")]) == 2
        assert await batch_rows(connection, ADD_BACK, [(4, "d"), (5, "e")]) == [4, 5]
        assert await copy(connection, ADD, [(6, "f")]) == 1
        with pytest.raises(NoRow):
            await one(connection, NUMBERS, [0])

    awaited(typed_url, work)


def test_a_stream_can_be_awaited(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        assert [n async for n in stream(connection, NUMBERS, [5], portion=2)] == [1, 2, 3, 4, 5]
        async with stream(connection, NUMBERS, [5], portion=2) as numbers:
            assert await anext(aiter(numbers)) == 1
        await connection.rollback()
        await connection.set_autocommit(True)
        with pytest.raises(OutsideTransaction):
            assert [n async for n in stream(connection, NUMBERS, [5])]

    awaited(typed_url, work)


def test_calls_at_once_take_turns(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        answers = await asyncio.gather(*(many(connection, NUMBERS, [n]) for n in range(20)))

        assert answers == [list(range(1, n + 1)) for n in range(20)]

    awaited(typed_url, work)


def test_an_error_says_its_query(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        with pytest.raises(psycopg.errors.NotNullViolation) as raised:
            await execute(connection, ADD, [1, None])

        assert "while running things.tried" in raised.value.__notes__[0]

    awaited(typed_url, work)


def test_a_call_can_be_cancelled(typed_url: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one(connection, SLEEP, []), 0.2)
        await connection.rollback()

        assert await one(connection, NUMBERS, [1]) == 1

    awaited(typed_url, work)
