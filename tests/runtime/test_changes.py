"""A database that changes under an open connection is found again, or refused in time."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakSet

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.pq import TransactionStatus

from dbkit.database import connect
from dbkit.errors import BadValue, DbkitError, Drifted, UnexpectedNull, WrongShape
from dbkit.runtime import awaited, batch, batch_rows, copy, execute, many, one, stream
from dbkit.server import EmbeddedServer
from tests.pooler import needs_pgbouncer, pooler
from tests.runtime.statements import statement

_TABLES = """
create table counted (id int primary key, n int not null);
insert into counted values (1, 0);
create type shade as enum ('dark');
create type spot as (x int, y int);
create table kept (n int, words text);
"""
COUNT = statement("update counted set n = n + 1 returning n", gives={"n": "int4"})
READ = statement("select n from counted", gives={"n": "int4!"})


@dataclass
class Path:
    """One way to a database: through what, and whether statements have names there."""

    name: str
    connection: Connection
    # changes the database, from elsewhere
    elsewhere: Connection

    def change(self, text: str) -> None:
        self.elsewhere.execute(text.encode())

    def value(self, text: str) -> object:
        [(value,)] = self.elsewhere.execute(text.encode())
        return value


@pytest.fixture(scope="module")
def changed_url(server: EmbeddedServer) -> str:
    """The URL of a database that the tests of this file change."""
    server.ensure_database("changed")
    return server.url("changed")


@pytest.fixture(scope="module")
def pooled_url(changed_url: str) -> Iterator[str]:
    """The same database behind pgbouncer, with one server connection for all of its clients."""
    with pooler(changed_url, "transaction", servers=1) as through:
        yield through


@pytest.fixture(
    params=[
        "named",
        "unnamed",
        pytest.param("pooled", marks=needs_pgbouncer),
        pytest.param("pooled always", marks=needs_pgbouncer),
    ]
)
def path(request: pytest.FixtureRequest, changed_url: str) -> Iterator[Path]:
    """A connection on each path, in autocommit mode, to a database of fresh tables."""
    request.getfixturevalue("own_path")
    name: str = request.param
    url: str = request.getfixturevalue("pooled_url") if "pooled" in name else changed_url
    prepare: Any = {"unnamed": "never", "pooled always": "always"}.get(name, "auto")
    with psycopg.connect(changed_url, autocommit=True) as elsewhere:
        elsewhere.execute(
            "drop schema if exists apart cascade; drop schema public cascade; create schema public"
        )
        elsewhere.execute(_TABLES)
        with closing(connect(url, prepare=prepare)) as connection:
            yield Path(name, connection, elsewhere)


def test_other_columns_are_refused_before_anything_is_committed(path: Path) -> None:
    assert [one(path.connection, COUNT, []) for _ in range(3)] == [1, 2, 3]

    path.change("alter table counted alter n type bigint")

    for _ in range(2):
        with pytest.raises(Drifted, match=r"gives \(n int8\), but was typed for \(n int4\)"):
            one(path.connection, COUNT, [])
    assert path.value("select n from counted") == 3
    path.change("alter table counted alter n type int")
    assert one(path.connection, COUNT, []) == 4


def test_other_columns_are_refused_at_the_first_call_as_well(path: Path) -> None:
    one(path.connection, READ, [])
    path.change("alter table counted alter n type bigint")

    with pytest.raises(Drifted):
        one(path.connection, COUNT, [])

    assert path.value("select n from counted") == 0


def test_what_other_columns_came_from_cannot_be_committed(path: Path) -> None:
    one(path.connection, COUNT, [])
    path.change("alter table counted alter n type bigint")

    with path.connection.transaction():
        path.connection.execute("insert into kept values (1)")
        with pytest.raises(Drifted):
            one(path.connection, COUNT, [])
        failed = path.connection.info.transaction_status

    assert path.value("select n from counted") == 1
    assert path.value("select count(*) from kept") == 0
    # refused by the server before it ran, or spoiled after
    assert failed == TransactionStatus.INERROR


def test_a_transaction_that_a_call_begins_is_refused_too(path: Path) -> None:
    one(path.connection, COUNT, [])
    path.change("alter table counted alter n type bigint")
    path.connection.autocommit = False

    with pytest.raises(Drifted):
        one(path.connection, COUNT, [])
    path.connection.commit()

    assert path.value("select n from counted") == 1


def test_an_awaited_call_is_refused_in_the_same_way(path: Path) -> None:
    async def work() -> None:
        async with await AsyncConnection.connect(
            path.connection.info.dsn, autocommit=True, prepare_threshold=None
        ) as connection:
            assert await awaited.one(connection, COUNT, []) == 1
            assert await awaited.one(connection, COUNT, []) == 2
            path.change("alter table counted alter n type bigint")
            with pytest.raises(Drifted):
                await awaited.one(connection, COUNT, [])

    asyncio.run(work())

    assert path.value("select n from counted") == 2


def test_a_column_of_another_length_is_the_same(path: Path) -> None:
    path.change("alter table kept alter words type varchar(10); insert into kept values (1, 'a')")
    words = statement("update kept set n = n + 1 returning words", gives={"words": "varchar"})
    assert one(path.connection, words, []) == "a"

    path.change("alter table kept alter words type varchar(20)")

    assert one(path.connection, words, []) == "a"
    assert path.value("select n from kept") == 3


def test_a_table_made_anew_and_a_column_more_change_nothing(path: Path) -> None:
    assert one(path.connection, COUNT, []) == 1
    path.change("drop table counted; create table counted (n int); insert into counted values (7)")
    assert one(path.connection, COUNT, []) == 8
    path.change("alter table counted add column words text default 'x'")
    assert one(path.connection, COUNT, []) == 9


def test_a_deferred_constraint_of_a_call_alone_is_told(path: Path) -> None:
    path.change(
        "alter table counted add column of int references counted deferrable initially deferred"
    )
    refer = statement(
        "update counted set of = $1 returning n", takes={"x": "int4"}, gives={"n": "int4"}
    )
    assert one(path.connection, refer, [1]) == 0

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        one(path.connection, refer, [2])

    assert path.value("select of from counted") == 1
    assert one(path.connection, refer, [1]) == 0


REMADE = "drop type shade cascade; create type shade as enum ('light', 'dark')"
THERE = statement("select $1 as s", takes={"s": "shade"}, gives={"s": "shade"})
LIST = statement("select $1 as s", takes={"s": "shade[]"}, gives={"s": "shade[]"})
BACK = statement("select $1::text::shade as s", takes={"s": "text"}, gives={"s": "shade"})
ADD = statement("insert into shaded (s) values ($1)", takes={"s": "shade"})
ADD_LIST = statement("insert into shaded (l) values ($1)", takes={"l": "shade[]"})
ADD_BACK = statement(
    "insert into shaded (s) values ($1) returning s", takes={"s": "shade"}, gives={"s": "shade"}
)
SHADED = "create table shaded (s shade, l shade[])"


def _stream(connection: Connection, value: object) -> object:
    with connection.transaction():
        return list(stream(connection, BACK, [value]))


def _in_transaction(connection: Connection, value: object) -> object:
    connection.autocommit = False
    try:
        return one(connection, THERE, [value])
    finally:
        connection.commit()
        connection.autocommit = True


USES: dict[str, Callable[[Connection, Any], object]] = {
    "parameter": lambda connection, value: one(connection, THERE, [value]),
    "list": lambda connection, value: one(connection, LIST, [[value]]),
    "column": lambda connection, value: many(connection, BACK, [value]),
    "first of a transaction": _in_transaction,
    "insert": lambda connection, value: execute(connection, ADD, [value]),
    "insert returning": lambda connection, value: one(connection, ADD_BACK, [value]),
    "batch": lambda connection, value: batch(connection, ADD, [[value]] * 3),
    "batch of lists": lambda connection, value: batch(connection, ADD_LIST, [[[value]]] * 3),
    "batch of rows": lambda connection, value: batch_rows(connection, ADD_BACK, [[value]] * 3),
    "copy": lambda connection, value: copy(connection, ADD, [[value]] * 3),
    "copy of lists": lambda connection, value: copy(connection, ADD_LIST, [[[value]]] * 3),
    "stream": _stream,
}


@pytest.mark.parametrize("use", USES)
def test_an_enum_that_is_made_anew_is_found_again(path: Path, use: str) -> None:
    path.change(SHADED)
    before = USES[use](path.connection, "dark")

    path.change(f"drop table shaded; {REMADE}; {SHADED}")

    # in another place among its labels, and with another number
    assert USES[use](path.connection, "dark") == before
    USES[use](path.connection, "light")


@pytest.mark.parametrize("use", USES)
def test_each_use_finds_a_type_of_another_search_path(path: Path, use: str) -> None:
    if path.name.startswith("pooled"):
        pytest.skip("behind a pooler a setting of the session is nobody's")
    path.change(
        f"{SHADED}; create schema apart; set search_path = apart; {REMADE.split(';')[1]}; {SHADED}"
    )
    path.change("set search_path = public")
    before = USES[use](path.connection, "dark")

    path.connection.execute("set search_path = apart")

    assert USES[use](path.connection, "dark") == before
    USES[use](path.connection, "light")
    path.connection.execute("set search_path = public")
    assert USES[use](path.connection, "dark") == before


def test_a_composite_that_got_a_part_is_never_read_or_written_wrongly(path: Path) -> None:
    @dataclass(frozen=True, slots=True)
    class Spot:
        x: int | None
        y: int | None

    path.change("create table spots (s spot)")
    there = statement("select $1 as s", takes={"s": "spot"}, gives={"s": "spot"}, into={"s": Spot})
    add = statement("insert into spots (s) values ($1)", takes={"s": "spot"})
    read = statement("select s from spots limit 1", gives={"s": "spot"}, into={"s": Spot})
    assert one(path.connection, there, [Spot(1, 2)]) == Spot(1, 2)
    assert copy(path.connection, add, [[Spot(1, 2)]]) == 1
    assert batch(path.connection, add, [[Spot(1, 2)]]) == 1
    assert one(path.connection, read, []) == Spot(1, 2)

    path.change("alter type spot add attribute z int")

    for call in (
        lambda: one(path.connection, there, [Spot(1, 2)]),
        lambda: copy(path.connection, add, [[Spot(1, 2)]]),
        lambda: batch(path.connection, add, [[Spot(1, 2)]]),
        lambda: one(path.connection, read, []),
    ):
        for _ in range(2):
            with pytest.raises((BadValue, WrongShape)):
                call()
    assert path.value("select count(*) from spots") == 2

    path.change("alter type spot drop attribute z")
    assert one(path.connection, there, [Spot(3, 4)]) == Spot(3, 4)
    assert copy(path.connection, add, [[Spot(1, 2)]]) == 1
    path.change("drop type spot cascade; create type spot as (x int, y int)")
    assert one(path.connection, there, [Spot(5, 6)]) == Spot(5, 6)
    path.change("alter type spot alter attribute y type bigint")
    assert one(path.connection, there, [Spot(5, 1 << 40)]) == Spot(5, 1 << 40)


@pytest.mark.parametrize("length", [0, -1])
def test_no_words_of_the_server_decide_what_heals(path: Path, length: int) -> None:
    # the values are told in the error's context, as the place in a function is
    if path.name.startswith("pooled"):
        pytest.skip("behind a pooler a setting of the session is nobody's")
    path.connection.execute(f"set log_parameter_max_length_on_error = {length}".encode())
    add = statement(
        "update counted set n = n + $1 returning n, n::varchar(9) as t",
        takes={"x": "int4"},
        gives={"n": "int4", "t": "varchar"},
    )
    assert one(path.connection, add, [1]) == (1, "1")
    assert one(path.connection, THERE, ["dark"]) == "dark"
    path.change(REMADE)
    assert one(path.connection, THERE, ["light"]) == "light"

    path.change("alter table counted alter n type bigint")
    with pytest.raises(Drifted):
        one(path.connection, add, [1])

    assert path.value("select n from counted") == 1


def test_an_error_inside_a_function_is_told_as_it_is_and_run_once(path: Path) -> None:
    path.change(
        "create table tried (n int);"
        "create procedure attempt(s shade) language plpgsql as $$"
        " begin insert into tried values (1); commit; perform 'x'::shade; end $$"
    )
    attempt = statement("call attempt($1)", takes={"s": "shade"})
    for tries in (1, 2, 3):
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            execute(path.connection, attempt, ["dark"])
        assert path.value("select count(*) from tried") == tries
        assert one(path.connection, THERE, ["dark"]) == "dark"


def test_a_function_that_has_an_old_plan_is_not_taken_for_the_statement(path: Path) -> None:
    path.change(
        "create function seen() returns text language plpgsql as $$"
        " declare found record; begin select * into found from counted; return found::text; end $$"
    )
    seen = statement("select seen() as t", gives={"t": "text"})
    assert one(path.connection, seen, []) == "(1,0)"

    path.change("alter table counted alter n type bigint, add column words text")

    # whatever the server makes of its own plan, it is not told as the caller's drift
    with suppress(psycopg.errors.FeatureNotSupported):
        assert one(path.connection, seen, []).startswith("(1,0")


def test_a_real_error_leaves_the_transaction_failed(path: Path) -> None:
    one(path.connection, THERE, ["dark"])
    path.connection.autocommit = False
    wrong = statement(
        "select $1::int + $2 as n", takes={"a": "int4", "s": "shade"}, gives={"n": "int4"}
    )

    with pytest.raises(psycopg.errors.UndefinedFunction):
        one(path.connection, wrong, [1, "dark"])

    assert path.connection.info.transaction_status == TransactionStatus.INERROR
    path.connection.rollback()
    assert one(path.connection, THERE, ["dark"]) == "dark"


def _awaited_null(connection: Connection) -> None:
    async def work() -> None:
        url = connection.info.dsn
        async with await AsyncConnection.connect(
            url, autocommit=True, prepare_threshold=None
        ) as own:
            await awaited.one(own, NULL, [None])

    asyncio.run(work())


def _streamed_null(connection: Connection) -> None:
    with connection.transaction():
        execute(connection, NULL_QUIETLY, [None])
        list(stream(connection, READ, []))


NULL = statement("update counted set n = $1 returning n", takes={"n": "int4"}, gives={"n": "int4!"})
NULL_QUIETLY = statement("update counted set n = $1", takes={"n": "int4"})
NULLS: dict[str, Callable[[Connection], object]] = {
    "one": lambda connection: one(connection, NULL, [None]),
    "awaited": _awaited_null,
    "batch": lambda connection: batch_rows(connection, NULL, [[2], [None]]),
    "stream": _streamed_null,
}


@pytest.mark.parametrize("kind", NULLS)
def test_a_null_that_was_proved_away_is_told_on_every_path(path: Path, kind: str) -> None:
    one(path.connection, NULL, [1])
    path.change("alter table counted alter n drop not null")

    with pytest.raises(UnexpectedNull, match="column 'n' is null"):
        NULLS[kind](path.connection)

    # what is done as a whole is not done
    if kind in {"batch", "stream"}:
        assert path.value("select n from counted") == 1
    assert path.connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize("lost", ["discard all", "deallocate all"])
def test_names_lost_inside_transactions_cost_one_error_at_most(path: Path, lost: str) -> None:
    if path.name.startswith("pooled"):
        pytest.skip("behind a pooler the names of a session are nobody's")
    one(path.connection, READ, [])
    errors = 0
    for _ in range(6):
        path.connection.execute(lost.encode())
        try:
            with path.connection.transaction():
                assert one(path.connection, READ, []) == 0
        except psycopg.errors.InvalidSqlStatementName:
            errors += 1

    assert errors == (1 if path.name == "named" else 0)
    assert one(path.connection, READ, []) == 0


def test_everything_at_once_is_found_again(path: Path) -> None:
    path.change(SHADED)
    for use in USES.values():
        use(path.connection, "dark")

    path.change(f"drop table shaded; {REMADE}; {SHADED}")
    if not path.name.startswith("pooled"):
        path.connection.execute("discard all")

    for use in USES.values():
        use(path.connection, "light")


def test_what_was_dropped_for_good_is_an_error_of_its_own(path: Path) -> None:
    assert one(path.connection, THERE, ["dark"]) == "dark"
    path.change("drop type shade")

    for _ in range(2):
        with pytest.raises((DbkitError, psycopg.Error), match="shade"):
            one(path.connection, THERE, ["dark"])


@pytest.mark.parametrize("kind", ["one", "batch", "stream"])
def test_a_statement_that_nobody_has_any_more_leaves_nothing(path: Path, kind: str) -> None:
    def transient(number: int) -> None:
        # made while the program runs, as dbkit.load does
        class Row(NamedTuple):
            a: int
            b: int

        rows.add(Row)
        query = statement(
            f"select {number} as a, $1 as b",
            takes={"b": "int4"},
            gives={"a": "int4", "b": "int4!"},
            row=Row,
        )
        if kind == "one":
            assert one(path.connection, query, [1]) == (number, 1)
        elif kind == "batch":
            assert batch_rows(path.connection, query, [[1], [2]]) == [(number, 1), (number, 2)]
        else:
            with path.connection.transaction():
                assert list(stream(path.connection, query, [1])) == [(number, 1)]

    rows: WeakSet[Any] = WeakSet()
    one(path.connection, READ, [])
    for number in range(10):
        transient(number)
    gc.collect()
    one(path.connection, READ, [])
    gc.collect()

    assert len(rows) == 0
    kept = "select count(*) from pg_prepared_statements where statement ~ ' as a'"
    if not path.name.startswith("pooled"):
        [(count,)] = path.connection.execute(kept)
        assert count == 0


def test_a_row_that_is_written_after_rows_came_in_portions_is_there(path: Path) -> None:
    assert [many(path.connection, READ, []) for _ in range(3)] == [[0]] * 3

    assert one(path.connection, COUNT, []) == 1
