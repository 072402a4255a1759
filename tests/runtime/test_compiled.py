"""What is compiled gives what the Python beside it gives, and leaves to it what is odd."""

import gc
import os
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import Connection

from dbkit.errors import BadValue, Unreadable
from dbkit.runtime import (
    END,
    OMITTED,
    If,
    SqlFile,
    Statement,
    batch,
    copy,
    execute,
    many,
    one,
    optional,
)
from dbkit.runtime.compiled import COMPILED
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import counts_of, session_of
from tests.runtime.statements import statement

pytestmark = pytest.mark.skipif(
    os.environ.get("DBKIT_COMPILED") == "0", reason="DBKIT_COMPILED=0 leaves out what is compiled"
)


@dataclass(frozen=True, slots=True)
class Pair:
    left: object
    right: object


class Called:
    """A class of rows that has to be called."""

    def __init__(self, left: object, right: object) -> None:
        self.values = (left, right)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Called) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)


# what a text, a zone or a number may be, beside the ordinary
ODD = {
    "bool": ["true", "false"],
    "int2": ["-32768", "32767", "0"],
    "int4": ["-2147483648", "2147483647", "-1"],
    "int8": ["-9223372036854775808", "9223372036854775807", "-1"],
    "oid": ["0", "4294967295"],
    "float4": ["1.1", "-0", "NaN", "Infinity", "1e-45", "3.4e38"],
    "float8": ["1.1", "-0", "-Infinity", "5e-324", "1.7976931348623157e308"],
    "text": ["''", "'é'", "'\U0001f600 and more'", "repeat('x', 100000)"],
    "varchar": ["'x'"],
    "bpchar": ["'x  '"],
    "name": ["'x'"],
    '"char"': ["'x'"],
    "bytea": [r"'\x'", r"'\x00ff'"],
    "uuid": [
        "'00000000-0000-0000-0000-000000000000'",
        "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        "'80000000-0000-0000-0000-000000000001'",
    ],
    "date": ["'0001-01-01'", "'9999-12-31'", "'1999-12-31'", "'2000-02-29'", "'1900-03-01'"],
    "time": ["'00:00'", "'23:59:59.999999'", "'12:34:56.000001'"],
    "timestamp": ["'0001-01-01'", "'9999-12-31 23:59:59.999999'", "'1999-12-31 23:59:59.999999'"],
    "timestamptz": ["'0001-01-02Z'", "'9999-12-30 23:59:59.999999Z'", "'1970-01-01 00:00:00.5Z'"],
    "json": ["'1'", "' {\"a\" : [1.5e3, null]} '", "'1234567890123456789'", "'1e400'"],
    "jsonb": [
        "'123456789012345678'",
        "'9223372036854775808'",
        "'-99999999999999999999'",
        "'[0.1234567890123456789012, 1]'",
        '\'{"1234567890123456789": "\\ud83d\\ude00"}\'',
    ],
    "numeric": ["'NaN'", "1.10", "-1e-30"],
    "int4[]": ["'{}'", "'{{1,2},{3,null}}'"],
    "interval": ["'1 year -3 days 00:00:00.000001'"],
}


def _ready(connection: Connection, of: Statement[Any]) -> Ready[Any]:
    return next(each for each in session_of(connection).ready.values() if each.statement is of)


def _both_ways(connection: Connection, of: Statement[Any]) -> tuple[list[Any], list[Any]]:
    """Give the rows as they are read in C, and as they are without."""
    for _ in range(2):
        many(connection, of, [])
    ready = _ready(connection, of)
    assert ready.reader is not None
    assert ready.straight is not None
    compiled = many(connection, of, [])
    ready.reader = ready.straight = None
    return compiled, many(connection, of, [])


def _typed(rows: list[Any]) -> list[tuple[type, str]]:
    return [(type(row), repr(row)) for row in rows]


def test_it_is_compiled_and_used() -> None:
    assert COMPILED is not None


@pytest.mark.parametrize("type_", ODD)
def test_each_value_is_read_as_python_reads_it(connection: Connection, type_: str) -> None:
    texts = ["null", *(text if text[0] in "'r" else f"'{text}'" for text in ODD[type_])]
    values = ", ".join(f"({number}, {text}::{type_})" for number, text in enumerate(texts))
    found = statement(
        f"select n, v from (values {values}) as v (n, v) order by n",
        gives={"n": "int4", "v": type_},
        row=Pair,
    )
    connection.execute("set time zone 'UTC'")

    compiled, python = _both_ways(connection, found)

    assert _typed(compiled) == _typed(python)
    assert len(compiled) == len(texts)


@pytest.mark.parametrize(
    "zone", ["UTC", "Etc/UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "GMT"]
)
def test_moments_are_in_the_zone_of_the_connection(connection: Connection, zone: str) -> None:
    connection.execute("select set_config('TimeZone', %s, false)", [zone])
    found = statement(
        # the changes of summer and winter time, and years before there were zones
        "select at from generate_series('2024-03-31 00:00Z'::timestamptz, '2024-03-31 03:00Z',"
        " '20 minutes') at union all"
        " select at from generate_series('2024-10-27 00:00Z'::timestamptz, '2024-11-03 12:00Z',"
        " '20 minutes') at union all select '1850-06-01 12:34:56.789Z'",
        gives={"at": "timestamptz"},
    )

    compiled, python = _both_ways(connection, found)

    assert _typed(compiled) == _typed(python)
    assert [moment.fold for moment in compiled] == [moment.fold for moment in python]
    assert [moment.utcoffset() for moment in compiled] == [at.utcoffset() for at in python]


def test_every_day_of_the_calendar_is_read_and_written(connection: Connection) -> None:
    connection.execute("create temporary table days (day date, at timestamp)")
    load = statement(
        "insert into days (day, at) values ($1, $2)", takes={"day": "date", "at": "timestamp"}
    )
    # prime, so that all months, leap years and ends of centuries are met
    days = [date.min + timedelta(days=each) for each in range(0, date.max.toordinal(), 97)]
    sets = [(day, datetime(day.year, day.month, day.day, 1, 2, 3, 4)) for day in [*days, date.max]]  # noqa: DTZ001 - a moment without a zone
    found = statement(
        "select day, at from days order by day", gives={"day": "date", "at": "timestamp"}, row=Pair
    )

    copy(connection, load, sets)

    assert [(row.left, row.right) for row in many(connection, found, [])] == sets
    assert connection.execute(
        "select count(*) from days where to_char(day, 'YYYY-MM-DD') || ' 01:02:03.000004'"
        " = to_char(at, 'YYYY-MM-DD HH24:MI:SS.US')"
    ).fetchone() == (len(sets),)


@pytest.mark.parametrize("digits", [17, 18, 19, 20, 21])
def test_a_long_number_is_found_wherever_it_stands(connection: Connection, digits: int) -> None:
    texts = ["[" + " " * before + "9" * digits + "]" for before in range(45)]
    values = ", ".join(f"('{text}'::json)" for text in texts)
    found = statement(f"values {values}", gives={"column1": "json"})

    compiled, python = _both_ways(connection, found)

    assert compiled == python == [[int("9" * digits)]] * len(texts)


def test_a_row_may_be_a_value_or_what_a_call_makes(connection: Connection) -> None:
    called = statement("select 1 as a, 'x' as b", gives={"a": "int4", "b": "text"}, row=Called)
    value = statement("select 'x' as a", gives={"a": "text"})

    assert _both_ways(connection, called) == ([Called(1, "x")], [Called(1, "x")])
    assert _both_ways(connection, value) == (["x"], ["x"])


def test_what_cannot_be_read_is_told_by_its_row(connection: Connection) -> None:
    found = statement(
        "select case n when 77 then 'infinity' else '2000-01-01' end::date as day"
        " from generate_series(1, 100) n order by n",
        gives={"day": "date"},
    )

    for _ in range(3):
        with pytest.raises(Unreadable, match=r"day.*row 77"):
            many(connection, found, [])


def test_a_converter_may_make_the_same_call(connection: Connection) -> None:
    def again(left: object, right: object) -> object:
        depth.append(1)
        inner = many(connection, found, []) if len(depth) == 1 else []
        depth.pop()
        return (left, right, len(inner))

    depth: list[int] = []
    found = statement(
        "select n, n::text as t from generate_series(1, 3) n",
        gives={"n": "int4", "t": "text"},
        row=again,
    )

    for _ in range(2):
        many(connection, found, [])
    rows = many(connection, found, [])

    assert rows == [(1, "1", 3), (2, "2", 3), (3, "3", 3)]


def test_reading_and_writing_keep_nothing(connection: Connection) -> None:
    found = statement(
        "select $1::int4 as a, '{}'::jsonb as b", takes={"v": "int4"},
        gives={"a": "int4", "b": "jsonb"}, row=Pair,
    )  # fmt: skip
    failing = statement("select 1 / $1 as a", takes={"v": "int4"}, gives={"a": "int4"})
    load = statement(
        "insert into things (id, name) values ($1, $2)", takes={"id": "int4", "name": "text"}
    )
    connection.autocommit = True

    def work(number: int) -> None:
        optional(connection, found, [number])
        with pytest.raises(psycopg.errors.DivisionByZero):
            optional(connection, failing, [0])
        with pytest.raises(BadValue):
            copy(connection, load, [(number, object())])

    for number in range(20):
        work(number)
    gc.collect()
    before = [sys.getrefcount(each) for each in (Pair, connection.pgconn, None, UTC)]
    for number in range(200):
        work(number)
    gc.collect()
    after = [sys.getrefcount(each) for each in (Pair, connection.pgconn, None, UTC)]

    assert all(abs(now - then) < 50 for now, then in zip(after, before, strict=True))


def test_a_connection_is_freed_with_what_was_compiled_for_it(typed_url: str) -> None:
    found = statement("select $1::int4 as a", takes={"v": "int4"}, gives={"a": "int4"})
    connection = psycopg.connect(typed_url, autocommit=True)
    for _ in range(3):
        optional(connection, found, [1])
    gone = weakref.ref(connection)

    connection.close()
    del connection

    assert gone() is None


def test_a_connection_closed_while_it_waits_is_an_error(typed_url: str) -> None:
    found = statement("select $1::int4 as a", takes={"v": "int4"}, gives={"a": "int4"})
    with psycopg.connect(typed_url, autocommit=True) as connection:
        for _ in range(2):
            optional(connection, found, [1])
        connection.pgconn.finish()

        with pytest.raises(psycopg.OperationalError, match=r"closed|no connection"):
            optional(connection, found, [1])


# of each parameter type, what is written in C, and what is not
SETS: dict[str, list[object]] = {
    "bool": [True, False, 1, "yes", None],
    "int2": [-32768, 32767, 32768, True, "1", None],
    "int4": [-(2**31), 2**31 - 1, 2**31, 1.0, None],
    "int8": [-(2**63), 2**63 - 1, 2**63, None],
    "float8": [1.5, -0.0, float("inf"), 3, 10**400, True, None],
    "numeric": [Decimal("1.10"), Decimal("NaN"), 3, 1.5, None],
    "text": ["", "é\U0001f600", "a\0b", "\ud800", b"x", None],
    "bytea": [b"", b"\0\xff", bytearray(b"x"), "x", None],
    "uuid": [UUID(int=0), UUID(int=2**128 - 1), str(UUID(int=7)), None],
    "date": [date(1, 1, 1), date(9999, 12, 31), datetime(2000, 1, 1, tzinfo=UTC), "today", None],
    "timestamp": [
        datetime(1, 1, 1),  # noqa: DTZ001 - a moment without a zone
        datetime(1999, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001 - as above
        datetime(2000, 1, 1, tzinfo=UTC),
        date(2000, 1, 1),
        None,
    ],
    "timestamptz": [
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2000, 1, 1, tzinfo=timezone(timedelta(hours=-5, seconds=-7, microseconds=3))),
        datetime(2000, 1, 1),  # noqa: DTZ001 - as above
        None,
    ],
    "jsonb": [{"a": [1]}, [], "text", None],
    "int4[]": [[1, None], [], [[1], [2]], 1, None],
}


def _copied(connection: Connection, add: Statement[Any], number: int, value: object) -> None:
    copy(connection, add, [(number, value)])


def _batched(connection: Connection, add: Statement[Any], number: int, value: object) -> None:
    batch(connection, add, [(number, value)])


def _called(connection: Connection, add: Statement[Any], number: int, value: object) -> None:
    execute(connection, add, [number, value])


@pytest.mark.parametrize("way", [_copied, _batched, _called])
@pytest.mark.parametrize("type_", SETS)
def test_a_value_is_written_as_python_writes_it(
    connection: Connection,
    type_: str,
    way: Callable[[Connection, Statement[Any], int, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection.execute(f"create temporary table written (n int4, v {type_})".encode())
    outcomes: list[list[object]] = []
    for compiled in (COMPILED, None):
        # whoever writes is found anew for each statement
        monkeypatch.setattr("dbkit.runtime.compiled.COMPILED", compiled)
        monkeypatch.setattr("dbkit.runtime.sessions.COMPILED", compiled)
        add = statement(
            "insert into written (n, v) values ($1, $2)", takes={"n": "int4", "v": type_}
        )
        for _ in range(2):
            way(connection, add, 0, None)
        outcome: list[object] = []
        for number, value in enumerate(SETS[type_]):
            try:
                with connection.transaction():
                    way(connection, add, number, value)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
                outcome.append((type(error), str(error), getattr(error, "__notes__", [])))
        outcome += connection.execute("select n, v::text from written order by n, v").fetchall()
        connection.execute("truncate written")
        outcomes.append(outcome)

    assert (0, None) in outcomes[0]
    assert outcomes[0] == outcomes[1]


def test_what_a_call_leaves_out_is_written_as_null(connection: Connection) -> None:
    found = Statement[int](
        SqlFile("things.tried"),
        ("select coalesce($1, 7)", If("v"), " + $2", END, If("is_more"), " + 1", END, " as n"),
        takes="n int4?, v int4",
        gives="n int4",
        flags=["is_more"],
    )
    for _ in range(3):
        assert optional(connection, found, [None, OMITTED, False]) == 7
        assert optional(connection, found, [1, 2, False]) == 3
        assert optional(connection, found, [1, OMITTED, True]) == 2


def test_large_values_take_the_way_of_the_driver(connection: Connection) -> None:
    found = statement("select length($1) as n", takes={"v": "text"}, gives={"n": "int4"})

    assert [one(connection, found, ["x" * size]) for size in (1, 1000, 1025, 8000, 9000)] == [
        *(1, 1000, 1025, 8000, 9000)
    ]


def test_calls_are_counted_wherever_they_are_sent_from(connection: Connection) -> None:
    found = statement("select $1::int4 as a", takes={"v": "int4"}, gives={"a": "int4"})
    before = counts_of(connection).made

    for number in range(10):
        one(connection, found, [number])

    assert counts_of(connection).made == before + 10


def test_many_sets_are_one_message_of_rows(connection: Connection) -> None:
    load = statement(
        "insert into things (name, id) values ($2, $1)", takes={"id": "int4", "name": "text"}
    )
    sets = [(number, "é" * (number % 7)) for number in range(5000)]

    assert copy(connection, load, iter(sets)) == 5000
    execute(connection, statement("delete from things where id = $1", takes={"id": "int4"}), [0])
    found = statement(
        "select id, name from things order by id", gives={"id": "int4", "name": "text"}
    )
    assert many(connection, found, []) == sets[1:]
