"""Observers are told of every call, whatever its kind and however it ends, and of no value."""

import asyncio
import gc
import logging
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

import dbkit
from dbkit.errors import NoRow, TooManyRows, UnlistedChoice
from dbkit.runtime import (
    Call,
    Chosen,
    SqlFile,
    Statement,
    awaited,
    batch,
    batch_rows,
    copy,
    execute,
    many,
    observe,
    one,
    optional,
    stream,
)
from tests.runtime.statements import statement

NUMBERS = statement(
    "select n from generate_series(1, $1) as n", takes={"last": "int4"}, gives={"n": "int4"}
)
NEXT = statement("select $1 + 1 as n", takes={"n": "int4"}, gives={"n": "int4"})
NULL = statement("select null::int4 as n", gives={"n": "int4"})
CHANGE = statement("update things set name = $1", takes={"name": "text"})
ADD = statement(
    "insert into things (id, name) values ($1, $2)", takes={"id": "int4", "name": "text"}
)
SLEEP = statement("select from pg_sleep($1)", takes={"seconds": "float8"})
SORTED = Statement[int](
    SqlFile("things.sorted", system="shop"),
    ("select id from things order by ", Chosen("by")),
    gives="id int4",
    choices={"by": ("id", "name")},
)


@pytest.fixture
def calls() -> Iterator[list[Call]]:
    """The calls that an observer is told of."""
    calls: list[Call] = []
    with observe(calls.append):
        yield calls


def test_an_observer_is_told_of_a_call(connection: Connection, calls: list[Call]) -> None:
    assert many(connection, NUMBERS, [3]) == [1, 2, 3]

    [call] = calls
    assert (call.name, call.kind, call.rows) == ("things.tried", "many", 3)
    assert call.text.startswith("select n from generate_series(1, $1)")
    assert (call.database, call.host) == (connection.info.dbname, connection.info.host)
    assert call.port == str(connection.info.port)
    assert 0 < call.seconds < 10
    assert (call.sets, call.error, call.caller) == (None, None, None)


def test_every_kind_is_told(connection: Connection, calls: list[Call]) -> None:
    one(connection, NEXT, [1])
    optional(connection, NUMBERS, [0])
    # a row, though its value is None
    optional(connection, NULL, [])
    execute(connection, ADD, [1, "a"])
    execute(connection, CHANGE, ["b"])
    batch(connection, ADD, ([number, "c"] for number in range(2, 5)))
    batch_rows(connection, NEXT, [[1], [2]])
    copy(connection, ADD, [[5, "d"], [6, "e"]])
    list(stream(connection, NUMBERS, [5], portion=2))

    assert [(call.kind, call.rows, call.sets, call.gives_rows) for call in calls] == [
        ("one", 1, None, True),
        ("optional", 0, None, True),
        ("optional", 1, None, True),
        ("exec", 1, None, False),
        ("exec", 1, None, False),
        ("batch", 3, 3, False),
        ("batch", 2, 2, True),
        ("copy", 2, 2, False),
        ("stream", 5, None, True),
    ]
    assert calls[7].text == "copy things (id, name) from stdin"


def test_every_kind_is_told_when_it_was_awaited(typed_url: str, calls: list[Call]) -> None:
    async def work() -> None:
        async with await AsyncConnection.connect(typed_url) as connection:
            pending = awaited.one(connection, NEXT, [1])
            assert calls == []
            await pending
            await awaited.optional(connection, NUMBERS, [0])
            await awaited.many(connection, NUMBERS, [3])
            await awaited.execute(connection, ADD, [1, "a"])
            await awaited.batch(connection, ADD, [[2, "b"], [3, "c"]])
            await awaited.copy(connection, ADD, [[4, "d"]])
            async with awaited.stream(connection, NUMBERS, [5], portion=2) as numbers:
                assert [number async for number in numbers] == [1, 2, 3, 4, 5]
            await connection.rollback()

    asyncio.run(work())

    assert [(call.kind, call.rows, call.sets) for call in calls] == [
        ("one", 1, None),
        ("optional", 0, None),
        ("many", 3, None),
        ("exec", 1, None),
        ("batch", 2, 2),
        ("copy", 1, 1),
        ("stream", 5, None),
    ]


def test_the_folded_calls_of_tasks_are_told(typed_url: str, calls: list[Call]) -> None:
    async def work() -> None:
        async with (
            dbkit.open_async_database(typed_url) as database,
            database.pipelined() as connection,
        ):
            await asyncio.gather(*(awaited.one(connection, NEXT, [n]) for n in range(5)))
            with pytest.raises(TooManyRows):
                await awaited.one(connection, NUMBERS, [2])

    asyncio.run(work())

    assert [(call.rows, type(call.error)) for call in calls] == [(1, type(None))] * 5 + [
        (2, TooManyRows)
    ]
    assert all(call.database and call.seconds for call in calls)


def test_a_loaded_query_is_told_with_its_system(
    connection: Connection, calls: list[Call], tmp_path: Path
) -> None:
    file = tmp_path / "sql" / "shop" / "numbers" / "count_up.sql"
    file.parent.mkdir(parents=True)
    file.write_text("-- Counts.\n-- :many\nselect generate_series(1, 2) as n;\n")
    queries = dbkit.load(tmp_path / "sql" / "shop", root=tmp_path)

    queries["numbers.count_up"](connection)

    assert [(call.name, call.system, call.query) for call in calls] == [
        ("shop.numbers.count_up", "shop", "numbers.count_up")
    ]


def test_what_fails_is_told_as_what_it_is(connection: Connection, calls: list[Call]) -> None:
    with pytest.raises(NoRow):
        one(connection, NUMBERS, [0])
    with pytest.raises(TooManyRows):
        optional(connection, NUMBERS, [3])
    with pytest.raises(UnlistedChoice):
        many(connection, SORTED, ["nothing"])
    execute(connection, ADD, [1, "a"])
    with pytest.raises(psycopg.errors.UniqueViolation):
        batch(connection, ADD, [[2, "b"], [1, "c"]])

    failed = [call for call in calls if call.error]
    assert [(type(call.error), call.rows) for call in failed] == [
        (NoRow, 0),
        (TooManyRows, 3),
        (UnlistedChoice, 0),
        (psycopg.errors.UniqueViolation, 0),
    ]
    assert (failed[2].name, failed[2].text) == ("shop.things.sorted", "")


def test_a_cancelled_call_is_told(typed_url: str, calls: list[Call]) -> None:
    async def work() -> None:
        async with await AsyncConnection.connect(typed_url) as connection:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await awaited.execute(connection, SLEEP, [30.0])

    asyncio.run(work())

    assert [type(call.error) for call in calls] == [asyncio.CancelledError]


def test_a_closed_connection_is_told(typed_url: str, calls: list[Call]) -> None:
    with psycopg.connect(typed_url) as connection:
        pass

    with pytest.raises(psycopg.OperationalError):
        one(connection, NEXT, [1])

    assert [(type(call.error), call.host) for call in calls] == [(psycopg.OperationalError, "")]


def test_a_stream_is_told_once_however_it_ends(connection: Connection, calls: list[Call]) -> None:
    numbers = stream(connection, NUMBERS, [9], portion=2)
    assert list(islice(numbers, 3)) == [1, 2, 3]
    assert calls == []
    del numbers
    gc.collect()
    with stream(connection, NUMBERS, [9], portion=2) as numbers:
        next(iter(numbers))
    with stream(connection, NUMBERS, [9]):
        # nothing was asked of the server
        pass

    assert [(call.kind, call.rows) for call in calls] == [("stream", 4), ("stream", 2)]


def test_a_stream_that_was_read_is_told_before_it_is_freed(
    connection: Connection, calls: list[Call]
) -> None:
    numbers = stream(connection, NUMBERS, [4], portion=2)
    assert list(numbers) == [1, 2, 3, 4]

    assert [call.rows for call in calls] == [4]
    numbers.close()
    assert list(numbers) == []
    assert len(calls) == 1


def test_an_observer_that_raises_is_logged_once_and_breaks_nothing(
    connection: Connection, caplog: pytest.LogCaptureFixture, calls: list[Call]
) -> None:
    def fail(call: Call) -> None:
        raise ValueError(call.name)

    with observe(fail):
        assert one(connection, NEXT, [1]) == 2
        assert one(connection, NEXT, [2]) == 3

    assert len(calls) == 2
    [record] = caplog.records
    assert (record.name, record.levelno) == ("dbkit", logging.ERROR)
    assert "an observer failed at a call of things.tried" in record.getMessage()


def test_an_observer_that_calls_queries_is_not_told_of_them(connection: Connection) -> None:
    told: list[int] = []

    def observer(call: Call) -> None:
        told.append(call.rows + one(connection, NEXT, [10]))

    with observe(observer):
        many(connection, NUMBERS, [3])
        many(connection, NUMBERS, [4])

    assert told == [14, 15]


def test_an_observer_that_is_closed_is_told_of_nothing(connection: Connection) -> None:
    first: list[Call] = []
    second: list[Call] = []
    observing = observe(first.append)
    with observe(second.append):
        one(connection, NEXT, [1])
        observing.close()
        observing.close()
        one(connection, NEXT, [1])
    one(connection, NEXT, [1])

    assert (len(first), len(second)) == (1, 2)


def test_observers_come_and_go_while_threads_call(typed_url: str, calls: list[Call]) -> None:
    def work() -> None:
        with psycopg.connect(typed_url) as connection:
            for number in range(50):
                with observe(lambda _: None):
                    one(connection, NEXT, [number])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(calls) == 200


def test_the_line_that_calls_is_told_to_who_asks(connection: Connection, typed_url: str) -> None:
    told: list[Call] = []

    async def work() -> None:
        async with await AsyncConnection.connect(typed_url) as awaiting:
            await asyncio.gather(awaited.one(awaiting, NEXT, [1]))

    with observe(told.append, callers=True):
        one(connection, NEXT, [1])
        asyncio.run(work())

    lines = Path(__file__).read_text().splitlines()
    for call, shown in zip(told, ("one(connection", "await asyncio.gather"), strict=True):
        assert call.caller is not None
        assert call.caller.path == __file__
        assert lines[call.caller.line - 1].strip().startswith(shown)
        assert str(call.caller) == f"{__file__}:{call.caller.line}"
