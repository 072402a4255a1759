"""A stream holds a portion of its rows, and its cursor no longer than it must."""

import tracemalloc
from itertools import islice

import psycopg
import pytest
from psycopg import Connection

from dbkit.errors import BadValue, Drifted, OutsideTransaction
from dbkit.runtime import many, one, stream
from tests.runtime.statements import statement

NUMBERS = statement(
    "select n, n::text as text from generate_series(1, $1) as n",
    takes={"last": "int4"},
    gives={"n": "int4", "text": "text"},
)
# the one without a name is this query's own
CURSORS = statement("select name from pg_cursors where name <> ''", gives={"name": "text"})


@pytest.mark.parametrize("portion", [1, 2, 3, 4, 1000])
def test_a_stream_gives_what_many_gives(connection: Connection, portion: int) -> None:
    expected = many(connection, NUMBERS, [3])

    assert list(stream(connection, NUMBERS, [3], portion=portion)) == expected
    assert many(connection, CURSORS, []) == []


def test_a_stream_of_nothing_ends(connection: Connection) -> None:
    assert list(stream(connection, NUMBERS, [0])) == []


def test_many_rows_need_no_more_memory_than_a_portion(connection: Connection) -> None:
    few = stream(connection, NUMBERS, [1000])
    tracemalloc.start()
    first = sum(1 for _ in few)
    _, peak_of_one_portion = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    count = sum(1 for _ in stream(connection, NUMBERS, [200_000]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (first, count) == (1000, 200_000)
    assert peak < 3 * peak_of_one_portion


def test_leaving_the_block_closes_the_cursor(connection: Connection) -> None:
    with stream(connection, NUMBERS, [9], portion=2) as numbers:
        rows = list(islice(numbers, 3))
        open_cursors = many(connection, CURSORS, [])

    assert [n for n, _ in rows] == [1, 2, 3]
    assert len(open_cursors) == 1
    assert many(connection, CURSORS, []) == []


def test_two_streams_take_turns(connection: Connection) -> None:
    pairs = zip(
        stream(connection, NUMBERS, [5], portion=2),
        stream(connection, NUMBERS, [5], portion=3),
        strict=True,
    )

    assert all(left == right for left, right in pairs)


def test_a_stream_needs_a_transaction(typed_url: str) -> None:
    with psycopg.connect(typed_url, autocommit=True) as connection:
        with pytest.raises(OutsideTransaction, match=r"begin one with connection\.transaction"):
            list(stream(connection, NUMBERS, [3]))

        with connection.transaction():
            assert len(list(stream(connection, NUMBERS, [3]))) == 3


def test_an_error_in_a_stream_is_told_with_its_query(connection: Connection) -> None:
    divided = statement(
        "select 1 / (3 - n) as n from generate_series(1, $1) as n",
        takes={"last": "int4"},
        gives={"n": "int4"},
    )

    with (
        pytest.raises(psycopg.errors.DivisionByZero) as raised,
        stream(connection, divided, [5], portion=1) as numbers,
    ):
        list(numbers)

    assert raised.value.__notes__ == ["while running things.tried (sql/shop/things/tried.sql:4)"]


def test_a_stream_refuses_what_the_others_refuse(connection: Connection) -> None:
    drifted = statement("select 1 as n", gives={"n": "text"})

    with pytest.raises(Drifted):
        list(stream(connection, drifted, []))
    with pytest.raises(BadValue):
        list(stream(connection, NUMBERS, ["3"]))
    with pytest.raises(ValueError, match="one row at least"):
        stream(connection, NUMBERS, [3], portion=0)
    assert one(connection, statement("select 1 as n", gives={"n": "int4"}), []) == 1
