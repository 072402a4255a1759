"""The fixture dbkit_queries counts calls, and names the line that makes one for each row."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

from dbkit.querycounts import QueryCounts
from dbkit.runtime import SqlFile, Statement, awaited, many, one

LIST = Statement[int](
    SqlFile("numbers.list", system="shop"),
    "select n from generate_series(1, 3) as n",
    gives="n int4",
)
FIND = Statement[int](
    SqlFile("numbers.find", system="shop"), "select $1 as n", takes="n int4", gives="n int4"
)

DIVIDE = Statement[int](SqlFile("numbers.divide"), "select 1 / 0 as n", gives="n int4")


@pytest.fixture
def connection(empty_url: str) -> Iterator[Connection]:
    """A connection to an empty database."""
    with psycopg.connect(empty_url) as connection:
        yield connection


def this_file(text: str) -> str:
    """Name the line of this file that has a text."""
    path = Path(__file__)
    lines = path.read_text().splitlines()
    [number] = [number for number, line in enumerate(lines, 1) if line.strip() == text]
    return f"tests/testing/{path.name}:{number}"


def find_each(connection: Connection) -> None:
    for number in many(connection, LIST, []):
        one(connection, FIND, [number + 0])


def test_calls_are_counted_by_query(connection: Connection, dbkit_queries: QueryCounts) -> None:
    with dbkit_queries.at_most(3):
        many(connection, LIST, [])
        many(connection, LIST, [])
        one(connection, FIND, [1])

    assert dbkit_queries.total == 3
    assert dbkit_queries["numbers.list"] == 2
    assert dbkit_queries["shop.numbers.find"] == 1
    assert dbkit_queries["numbers.count"] == 0
    assert dbkit_queries.loops == []


def test_a_query_for_each_row_fails_with_the_line_that_calls_it(
    connection: Connection, dbkit_queries: QueryCounts
) -> None:
    many(connection, LIST, [])

    with pytest.raises(AssertionError) as failed, dbkit_queries.at_most(3):
        find_each(connection)

    line = this_file("one(connection, FIND, [number + 0])")
    loop = f"{line} called shop.numbers.find 3 times"
    assert str(failed.value).splitlines() == [
        "4 calls of queries, where at most 3 are allowed:",
        "  3 of shop.numbers.find",
        "  1 of shop.numbers.list",
        f"{loop}; if that is once for each row, let one query take all of them",
    ]
    assert [str(each) for each in dbkit_queries.loops] == [loop]


def test_a_query_for_each_row_is_found_in_tasks(empty_url: str, dbkit_queries: QueryCounts) -> None:
    async def work() -> None:
        async with await AsyncConnection.connect(empty_url) as awaiting:
            for number in await awaited.many(awaiting, LIST, []):
                await awaited.one(awaiting, FIND, [number + 1])
            pending = [awaited.one(awaiting, FIND, [number + 2]) for number in range(2)]
            await asyncio.gather(*pending)

    with pytest.raises(AssertionError), dbkit_queries.at_most(2):
        asyncio.run(work())

    assert [(loop.caller, loop.times) for loop in dbkit_queries.loops] == [
        (this_file("await awaited.one(awaiting, FIND, [number + 1])"), 3),
        (
            this_file(
                "pending = [awaited.one(awaiting, FIND, [number + 2]) for number in range(2)]"
            ),
            2,
        ),
    ]


def test_what_fails_inside_is_not_hidden(
    connection: Connection, dbkit_queries: QueryCounts
) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), dbkit_queries.at_most(0):
        many(connection, DIVIDE, [])
