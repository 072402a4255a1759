"""Values that go out many at a time are written, or refused, as they are one at a time."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from dbkit.errors import BadValue
from dbkit.runtime import AsText, Statement, batch, copy, execute, many
from tests.runtime.statements import statement


class Word(StrEnum):
    """A str that says it is one."""

    YES = "yes"
    GLAD = "glad"


class Mixed(str, Enum):  # noqa: UP042 - its str() is not its value
    """A str whose str() is another one."""

    YES = "yes"


class Number(IntEnum):
    """An int of a class of its own."""

    ONE = 1


class Nowhere(tzinfo):
    """A zone without an offset, which makes a moment naive."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    def dst(self, _: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _: datetime | None) -> str | None:
        return None


NAIVE = datetime(2026, 11, 28, 12, 30, 1, 5)  # noqa: DTZ001 - what is tried
AWARE = datetime(2026, 11, 28, 12, 30, 1, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))
KEY = UUID(int=7)
# of each type an ordinary value, values that may be odd, and values that are none
CASES: dict[str, tuple[object, list[object], list[object]]] = {
    "bool": (True, [False, None], [1, 0, "true", Number.ONE]),
    "int2": (1, [-32768, 32767, 0, None, Number.ONE], [32768, -32769, True, "1", 1.0, 1 << 70]),
    "int4": (1, [-(1 << 31), (1 << 31) - 1, 0, None, Number.ONE], [1 << 31, True, False, 1.5]),
    "int8": (1, [-(1 << 63), (1 << 63) - 1, None, Number.ONE], [1 << 63, True, "1"]),
    "float8": (1.5, [2, float("nan"), float("-inf"), None, Number.ONE], [True, "1", 10**400]),
    "float4": (1.5, [2, None], [True, "1"]),
    "numeric": (
        Decimal("1.50"),
        [2, 2.5, Decimal("NaN"), Decimal("1e50"), None, Number.ONE],
        [True, "1"],
    ),
    "text": (
        "a",
        ["", "ä\n\t\\", None, Word.YES, Mixed.YES, AsText("x")],
        [1, 0, b"", "a\0b", "\ud800"],
    ),
    "varchar(9)": ("a", ["ä", None, Word.YES], [1, False, "\0"]),
    "mood": ("glad", ["sad", None, Word.GLAD], [1, "\0"]),
    "bytea": (b"a", [b"", b"\0", bytearray(b"b"), None], ["a", 1]),
    "uuid": (KEY, [None], ["a", str(KEY), KEY.bytes, 7]),
    "date": (date(2026, 11, 28), [date.max, None], [NAIVE, "2026-11-28"]),
    "timestamp": (NAIVE, [NAIVE.replace(year=9999), None], [AWARE, date(2026, 11, 28), "now"]),
    "timestamptz": (
        AWARE,
        [AWARE.astimezone(UTC), None],
        [NAIVE, NAIVE.replace(tzinfo=Nowhere()), date(2026, 11, 28)],
    ),
    "jsonb": ({"a": [1]}, [None, [], "x", 1], [1j, {"a": "\ud800"}]),
    "int4[]": ([1], [[], [None], [[1], [2]], None], [1, ["a"], [[1], [2, 3]]]),
    "score": (1, [10, None], [1 << 20, "a", True]),
    "point": ("(1,2)", [None], [1]),
}
ODD = [(type_, value, "utf8") for type_, (_, values, _) in CASES.items() for value in values] + [
    (type_, value, "latin1") for type_ in ("text", "mood", "jsonb") for value in CASES[type_][1]
]
NONE = [(type_, value) for type_, (_, _, values) in CASES.items() for value in values]


def table_of(connection: Connection, type_: str) -> tuple[Statement[object], Statement[object]]:
    text = f"create temporary table tried (number int4 generated always as identity, value {type_})"
    connection.execute(text.encode())
    name = type_.partition("(")[0]
    load = statement("insert into tried (value) values ($1)", takes={"value": name})
    read = statement(
        "select value::text as value from tried order by number", gives={"value": "text"}
    )
    return load, read


def expected(
    connection: Connection, type_: str, values: list[object]
) -> tuple[Statement[object], Statement[object], list[object]]:
    load, read = table_of(connection, type_)
    for value in values:
        execute(connection, load, (value,))
    one_by_one = many(connection, read, ())
    connection.execute("truncate tried")
    return load, read, one_by_one


@pytest.mark.parametrize(("type_", "value", "encoding"), ODD, ids=str)
@pytest.mark.parametrize("send", [copy, batch])
def test_many_are_written_as_one_is(
    connection: Connection, send: object, type_: str, value: object, encoding: str
) -> None:
    connection.execute(f"set client_encoding to {encoding}".encode())
    plain = CASES[type_][0]
    values = [plain, value, plain]
    load, read, one_by_one = expected(connection, type_, values)

    assert (copy if send is copy else batch)(connection, load, [(each,) for each in values]) == 3
    assert many(connection, read, ()) == one_by_one


@pytest.mark.parametrize(("type_", "value"), NONE, ids=lambda part: ascii(part)[:30])
@pytest.mark.parametrize("send", [copy, batch])
def test_many_are_refused_as_one_is(
    connection: Connection, send: object, type_: str, value: object
) -> None:
    load, read = table_of(connection, type_)
    with pytest.raises(BadValue) as alone:
        execute(connection, load, (value,))
    plain = CASES[type_][0]

    with pytest.raises(BadValue) as raised:
        (copy if send is copy else batch)(connection, load, [(plain,), (value,), (plain,)])

    assert str(raised.value) == str(alone.value)
    assert raised.value.__notes__ == ["in set 2"]
    assert connection.pgconn.pipeline_status == 0
    if send is batch:
        assert many(connection, read, ()) == []


@pytest.mark.parametrize("type_", CASES)
@pytest.mark.parametrize("send", [copy, batch])
def test_none_is_refused_where_it_may_not_be(
    connection: Connection, send: object, type_: str
) -> None:
    table_of(connection, type_)
    name = type_.partition("(")[0]
    load = statement("insert into tried (value) values ($1)", takes={"value": f"{name}!"})
    plain = CASES[type_][0]

    with pytest.raises(BadValue, match="it may not be null"):
        (copy if send is copy else batch)(connection, load, [(plain,), (None,)])


def test_a_text_form_is_never_a_string_in_json(connection: Connection) -> None:
    load, read = table_of(connection, "jsonb")
    values: list[tuple[object, ...]] = [({},), (AsText("[1, 2]"),)]

    assert batch(connection, load, values) == 2
    assert many(connection, read, ()) == ["{}", "[1, 2]"]
    with pytest.raises(BadValue, match="a binary copy has no place for a text form"):
        copy(connection, load, values)


def test_values_go_to_the_columns_that_name_them(connection: Connection) -> None:
    load = statement(
        "insert into things (name, id) values ($2, $1)", takes={"id": "int4", "name": "text"}
    )
    read = statement("select name from things where id > 0 order by id", gives={"name": "text"})

    copy(connection, load, ((number, str(number)) for number in range(1, 1000)))

    assert many(connection, read, ()) == [str(number) for number in range(1, 1000)]


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_copy_loads_nothing(typed_url: str) -> None:
    load = statement(
        "insert into things (id, name) values ($1, $2)", takes={"id": "int4", "name": "text"}
    )

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(10_000):
            if number == 9000:
                os.kill(os.getpid(), signal.SIGINT)
            yield number, "a"

    with psycopg.connect(typed_url, autocommit=True) as connection:
        with pytest.raises(KeyboardInterrupt):
            copy(connection, load, rows())

        assert connection.execute("select from things").fetchall() == []
