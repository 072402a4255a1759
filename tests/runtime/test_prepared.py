"""A statement is prepared by name where the backend is ours, and heals when the name is lost."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from dbkit.database import connect
from dbkit.errors import BadValue, Drifted, UnexpectedNull
from dbkit.runtime import awaited, execute, many, one
from dbkit.runtime.sessions import MOST_STATEMENTS
from dbkit.server import EmbeddedServer
from tests.pooler import PoolMode, needs_pgbouncer, pooler
from tests.runtime.conftest import MakeTable
from tests.runtime.statements import statement

NUMBER = statement("select $1 + 1 as n", takes={"x": "int4"}, gives={"n": "int4"})
PREPARED = """
    select count(*), count(*) filter (where name ~ '^dbkit_[0-9a-f]{32}$')
    from pg_prepared_statements
"""


@pytest.fixture
def own(typed_url: str) -> Iterator[Connection]:
    """A connection of the driver's own, in autocommit mode."""
    with psycopg.connect(typed_url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def prepared(connection: Connection) -> tuple[int, ...]:
    [row] = connection.execute(PREPARED)
    return row


@pytest.mark.usefixtures("names")
def test_a_statement_is_prepared_once_by_a_name_of_its_own(own: Connection) -> None:
    assert [one(own, NUMBER, [n]) for n in range(3)] == [1, 2, 3]

    assert prepared(own) == (1, 1)


@pytest.mark.usefixtures("names")
def test_the_name_is_the_same_on_every_connection(typed_url: str, own: Connection) -> None:
    names: set[str] = set()
    one(own, NUMBER, [1])
    with psycopg.connect(typed_url, autocommit=True) as other:
        one(other, NUMBER, [1])
        for connection in (own, other):
            [(name,)] = connection.execute("select name from pg_prepared_statements")
            names.add(name)

    assert len(names) == 1


@pytest.mark.usefixtures("names")
def test_texts_and_types_that_differ_have_names_that_differ(own: Connection) -> None:
    bigger = statement("select $1 + 1 as n", takes={"x": "int8"}, gives={"n": "int8"})
    one(own, NUMBER, [1])
    one(own, bigger, [1])

    assert prepared(own) == (2, 2)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("lost", ["discard all", "deallocate all"])
def test_a_lost_name_is_prepared_again(own: Connection, lost: str) -> None:
    one(own, NUMBER, [1])

    own.execute(lost.encode())

    assert one(own, NUMBER, [1]) == 2
    assert prepared(own) == (1, 1)


@pytest.mark.usefixtures("names")
def test_the_first_call_of_a_transaction_heals_as_well(typed_url: str) -> None:
    with psycopg.connect(typed_url) as connection:
        one(connection, NUMBER, [1])
        connection.execute("deallocate all")
        connection.commit()

        assert one(connection, NUMBER, [1]) == 2
        assert connection.info.transaction_status == TransactionStatus.INTRANS


@pytest.mark.usefixtures("names")
def test_inside_a_transaction_a_lost_name_is_an_error_and_the_next_is_right(
    own: Connection,
) -> None:
    one(own, NUMBER, [1])

    own.execute("deallocate all")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName), own.transaction():
        one(own, NUMBER, [1])

    assert one(own, NUMBER, [1]) == 2


@pytest.mark.usefixtures("names")
def test_a_connection_whose_names_are_always_lost_goes_on_without(own: Connection) -> None:
    for n in range(8):
        assert one(own, NUMBER, [n]) == n + 1
        own.execute("discard all")

    assert one(own, NUMBER, [1]) == 2
    assert prepared(own) == (0, 0)


@pytest.mark.usefixtures("names")
def test_a_name_that_is_there_already_is_the_same_statement(
    typed_url: str, own: Connection
) -> None:
    one(own, NUMBER, [1])
    with psycopg.connect(typed_url, autocommit=True) as other:
        [(name, text)] = own.execute("select name, statement from pg_prepared_statements")
        one(other, statement("select 1 as n", gives={"n": "int4"}), [])
        other.pgconn.prepare(name.encode(), text.encode(), [23])

        assert one(other, NUMBER, [1]) == 2


def test_a_first_call_that_fails_is_prepared_all_the_same(typed_url: str) -> None:
    half = statement("select 6 / $1 as n", takes={"x": "int4"}, gives={"n": "int4"})
    with psycopg.connect(typed_url) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            one(connection, half, [0])
        connection.rollback()
        one(connection, NUMBER, [1])

        assert one(connection, half, [2]) == 3


@pytest.mark.usefixtures("names")
def test_only_so_many_statements_are_kept(own: Connection) -> None:
    statements = [
        statement(f"select {n} as n", gives={"n": "int4"}) for n in range(MOST_STATEMENTS + 5)
    ]
    for each in statements:
        one(own, each, [])
        one(own, NUMBER, [1])

    assert prepared(own) == (MOST_STATEMENTS, MOST_STATEMENTS)
    assert one(own, NUMBER, [1]) == 2


def test_a_column_that_changed_is_refused_before_a_row_is_touched(
    own: Connection, make_table: MakeTable
) -> None:
    make_table("counted as select 1 as id, 0 as n")
    count = statement("update counted set n = n + 1 returning n", gives={"n": "int4"})
    assert one(own, count, []) == 1

    own.execute("alter table counted alter n type int8")

    for _ in range(2):
        with pytest.raises(Drifted, match=r"gives \(n int8\), but was typed for \(n int4\)"):
            one(own, count, [])
    assert own.execute("select n from counted").fetchone() == (1,)


@pytest.mark.parametrize("prepare", ["auto", "never"])
def test_an_enum_that_is_made_anew_is_found_again(own: Connection, prepare: str) -> None:
    own.execute("drop type if exists shade; create type shade as enum ('dark')")
    there = statement("select $1 as s", takes={"s": "shade"}, gives={"s": "shade"})
    back = statement("select $1::text::shade as s", takes={"s": "text"}, gives={"s": "shade"})
    with connect(own.info.dsn, prepare=prepare) as connection:  # type: ignore[arg-type]
        assert one(connection, there, ["dark"]) == one(connection, back, ["dark"]) == "dark"

        own.execute("drop type shade; create type shade as enum ('light', 'dark')")

        assert one(connection, there, ["light"]) == one(connection, back, ["light"]) == "light"


@pytest.mark.usefixtures("own_session")
def test_a_time_zone_that_changes_is_noticed(own: Connection) -> None:
    day = statement(
        "select '2024-01-01'::timestamptz as t, $1 as same",
        takes={"t": "timestamptz"},
        gives={"t": "timestamptz", "same": "timestamptz"},
    )
    own.execute("set timezone = 'UTC'")
    [utc, same] = one(own, day, [None])

    own.execute("set timezone = 'Asia/Tokyo'")
    [tokyo, same] = one(own, day, [utc])

    assert (utc - tokyo).total_seconds() == 9 * 3600
    assert (same, str(same.tzinfo)) == (utc, "Asia/Tokyo")


def test_a_moment_in_a_literal_is_not_kept(own: Connection) -> None:
    now = statement(
        "select 'now'::timestamptz as t, $1::int as n",
        takes={"n": "int4"},
        gives={"t": "timestamptz", "n": "int4"},
    )
    moments = {one(own, now, [n])[0] for n in range(5)}

    assert len(moments) == 5
    assert prepared(own) == (0, 0)


@pytest.mark.usefixtures("own_session")
def test_a_search_path_that_changes_is_followed(own: Connection) -> None:
    own.execute(
        "drop schema if exists a, b cascade; create schema a; create schema b;"
        "create table a.seen as select 'a' as n; create table b.seen as select 'b' as n"
    )
    seen = statement("select n from seen", gives={"n": "text"})
    found: list[str] = []
    for path in ("a", "b", "a"):
        own.execute(f"set search_path = {path}".encode())
        found.append(one(own, seen, []))

    assert found == ["a", "b", "a"]


def test_a_null_where_none_was_proved_is_told_by_its_column(own: Connection) -> None:
    proved = statement(
        "select 1 as a, nullif($1, 0) as b, null::text as c",
        takes={"x": "int4"},
        gives={"a": "int4!", "b": "int4!", "c": "text"},
    )
    alone = statement("select nullif($1, 0) as b", takes={"x": "int4"}, gives={"b": "int4!"})

    assert one(own, proved, [1]) == (1, 1, None)
    assert one(own, alone, [1]) == 1
    for query in (proved, alone):
        with pytest.raises(UnexpectedNull, match=r"things\.tried: column 'b' is null"):
            one(own, query, [0])


def test_none_for_a_parameter_that_takes_none_is_refused(own: Connection) -> None:
    strict = statement("select $1 as n", takes={"n": "int4!"}, gives={"n": "int4"})

    assert one(own, strict, [1]) == 1
    with pytest.raises(BadValue, match=r"'n' \(int4\) cannot be None: it may not be null"):
        one(own, strict, [None])
    assert own.info.transaction_status == TransactionStatus.IDLE


@dataclass(frozen=True, slots=True)
class Plain:
    a: int
    b: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    a: int
    b: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "b", f"{self.b}!")


@dataclass(frozen=True, slots=True)
class Defaulted:
    a: int
    b: str | None
    c: int = 7


@dataclass(slots=True)
class ByHand:
    a: int
    b: str | None

    def __init__(self, a: int, b: str | None) -> None:
        self.a, self.b = -a, b


def test_a_row_is_what_calling_its_class_would_give(own: Connection) -> None:
    for row, expected in (
        (Plain, Plain(1, "x")),
        (Checked, Checked(1, "x")),
        (Defaulted, Defaulted(1, "x")),
        (ByHand, ByHand(1, "x")),
    ):
        query = statement("select 1 as a, 'x' as b", gives={"a": "int4", "b": "text"}, row=row)
        found = one(own, query, [])

        assert found == expected
        assert type(found) is row
        assert hash(Plain(1, "x")) == hash(Plain(1, "x"))


def test_many_rows_are_all_there_in_order(own: Connection) -> None:
    numbers = statement(
        "select n, n::text as t from generate_series(1, 2500) as n order by n",
        gives={"n": "int4", "t": "text"},
    )

    assert many(own, numbers, []) == [(n, str(n)) for n in range(1, 2501)]


@needs_pgbouncer
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_behind_a_pooler_nothing_has_a_name(
    server: EmbeddedServer, typed_url: str, mode: PoolMode
) -> None:
    database = str(conninfo_to_dict(typed_url)["dbname"])
    with (
        pooler(server.url(database), mode) as url,
        psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection,
    ):
        assert [one(connection, NUMBER, [n]) for n in range(3)] == [1, 2, 3]
        assert prepared(connection) == (0, 0)


def test_never_means_that_nothing_has_a_name(typed_url: str) -> None:
    with connect(typed_url, prepare="never") as connection:
        assert [one(connection, NUMBER, [n]) for n in range(3)] == [1, 2, 3]
        assert execute(connection, statement("select 1 as n", gives={"n": "int4"}), []) == 1
        assert prepared(connection) == (0, 0)


def test_an_async_connection_does_the_same(typed_url: str) -> None:
    async def work() -> None:
        async with await AsyncConnection.connect(typed_url, autocommit=True) as connection:
            assert [await awaited.one(connection, NUMBER, [n]) for n in range(3)] == [1, 2, 3]
            await connection.execute("discard all")
            assert await awaited.one(connection, NUMBER, [1]) == 2

    asyncio.run(work())
