"""Through a pooler, a statement of ours is never that of another client."""

import asyncio
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import cycle
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection, Connection, RawCursor

from dbkit.database import Prepare, connect
from dbkit.errors import DbkitError
from dbkit.pools import CommitUnknown, open_async_database, open_database
from dbkit.runtime import SqlFile, Statement, batch, copy, execute, many, one
from dbkit.transactions import async_transaction, transaction
from tests.pooler import PoolMode, needs_pgbouncer, pooler

pytestmark = needs_pgbouncer


@pytest.fixture
def through_pgbouncer(empty_url: str) -> Iterator[str]:
    """The URL of a database behind pgbouncer in transaction mode, with a table of a neighbour's."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("create table notes (text text)")
    with pooler(empty_url, "transaction") as url:
        yield url


def test_settings_are_never_a_neighbours_statement(through_pgbouncer: str) -> None:
    # the driver calls its first prepared statement _pg3_0, on every connection alike
    stop = threading.Event()

    def neighbour() -> None:
        with psycopg.connect(through_pgbouncer, autocommit=True) as connection:
            connection.prepare_threshold = 0
            while not stop.is_set():
                try:
                    RawCursor(connection).execute(
                        "insert into notes select $1 || $2", ["neighbour", "s"]
                    )
                except psycopg.Error:
                    # its own trouble behind a pooler; it begins anew
                    connection.execute("select 1", prepare=False)

    thread = threading.Thread(target=neighbour)
    thread.start()
    wrong: list[object] = []
    try:
        with (
            psycopg.connect(through_pgbouncer, autocommit=True) as own,
            open_database(through_pgbouncer, max_size=1, checked=False) as database,
        ):
            for _ in range(300):
                user = uuid4().hex
                with transaction(own, settings={"app.user": user}):
                    found = own.execute(_USER, prepare=False).fetchone()
                    wrong += [found] if found != (user,) else []
                with database.transaction(settings={"app.user": user}) as connection:
                    found = connection.execute(_USER).fetchone()
                    wrong += [found] if found != (user,) else []
    finally:
        stop.set()
        thread.join()

    assert wrong == []


_USER = "select current_setting('app.user')"


@contextmanager
def _ended_from_outside(url: str, connection: Connection | AsyncConnection) -> Generator[None]:
    """End the session of an open transaction at the end of the block, as an administrator does."""
    yield
    session = connection.pgconn.exec_(b"select pg_backend_pid()").get_value(0, 0)
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute("select pg_terminate_backend(%s, 5000)", [int(session or 0)])


@pytest.mark.parametrize("settings", [{}, {"app.user": "u"}])
def test_a_session_that_ends_before_its_commit_is_told_as_lost(
    empty_url: str, through_pgbouncer: str, settings: dict[str, object]
) -> None:
    add = "insert into notes values ('gone')"

    async def on_its_own() -> None:
        async with (
            await AsyncConnection.connect(through_pgbouncer, autocommit=True) as alone,
            async_transaction(alone, settings=settings),
        ):
            with _ended_from_outside(empty_url, alone):
                await alone.execute(add)

    async def lent_by_a_pool() -> None:
        async with (
            open_async_database(through_pgbouncer, max_size=1) as database,
            database.transaction(settings=settings) as lent,
        ):
            with _ended_from_outside(empty_url, lent):
                await lent.execute(add)

    with (
        psycopg.connect(through_pgbouncer, autocommit=True) as alone,
        pytest.raises(psycopg.OperationalError),
        transaction(alone, settings=settings),
        _ended_from_outside(empty_url, alone),
    ):
        alone.execute(add)
    with (
        open_database(through_pgbouncer, max_size=1) as database,
        pytest.raises(CommitUnknown),
        database.transaction(settings=settings) as lent,
        _ended_from_outside(empty_url, lent),
    ):
        lent.execute(add)
    with pytest.raises(psycopg.OperationalError):
        asyncio.run(on_its_own())
    with pytest.raises(CommitUnknown):
        asyncio.run(lent_by_a_pool())

    with psycopg.connect(empty_url) as connection:
        assert connection.execute("select from notes").fetchall() == []


def test_always_behind_a_pooler_that_keeps_no_names_is_still_right(through_pgbouncer: str) -> None:
    # told a wrong thing: names are there already, or gone, at every call
    statements = {
        n: Statement[int](
            SqlFile("notes.add"), f"select {n} + $1 as n", takes="x int4", gives="n int4"
        )
        for n in (1000, 2000, 3000)
    }

    def client(_: int) -> list[int]:
        with connect(through_pgbouncer, prepare="always") as connection:
            return [
                one(connection, statement, (x,)) - n - x
                for x in range(40)
                for n, statement in statements.items()
            ]

    with ThreadPoolExecutor(4) as threads:
        differences = list(threads.map(client, range(8)))

    assert differences == [[0] * 120] * 8


_TABLES = """
create table things (id int primary key, label text not null);
insert into things select n, 'thing ' || n from generate_series(1, 50) as n;
create schema other;
-- whoever takes this for the other one reads a number for a label
create table other.things (id int primary key, label int not null);
insert into other.things select n, n from generate_series(1, 50) as n;
"""


def _pair(id_: int, label: str) -> tuple[int, str]:
    return id_, label


_FIND = Statement[tuple[int, str]](
    SqlFile("things.find"),
    "select id, label from things where id = $1",
    takes="id int4",
    gives="id int4, label text",
    row=_pair,
)
_LIST = Statement[int](
    SqlFile("things.list"), "select id from things where id <= $1", takes="id int4", gives="id int4"
)
_ADD = Statement[tuple[int, str]](
    SqlFile("things.add"),
    "insert into things (id, label) values ($1, $2) returning id, label",
    takes="id int4, label text",
    gives="id int4, label text",
    row=_pair,
    copied=("things (id, label)", (0, 1)),
)
_DROP = Statement[None](SqlFile("things.drop"), "delete from things where id = $1", takes="id int4")
_NEIGHBOURS = (
    "discard all",
    "deallocate all",
    "set search_path to other, public",
    "reset search_path",
    "alter table things add column if not exists more text",
    "alter table things drop column if exists more",
)


@pytest.mark.parametrize("prepare", ["auto", "never", "always"])
@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_no_call_gets_another_answer_beside_neighbours(
    empty_url: str, mode: PoolMode, prepare: Prepare
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(_TABLES)
    stop = threading.Event()

    def neighbour(url: str) -> None:
        # statements of the same names as another neighbour's, and whatever else a client may do
        with psycopg.connect(url, autocommit=True) as connection:
            connection.prepare_threshold = 0
            for text in cycle(_NEIGHBOURS):
                if stop.is_set():
                    return
                with suppress(psycopg.Error):
                    RawCursor(connection).execute("select label || $1 from other.things", ["!"])
                with suppress(psycopg.Error):
                    connection.execute(text, prepare=False)

    def client(url: str, number: int) -> tuple[int, list[object]]:
        answered, wrong = 0, list[object]()
        key = 1000 * (number + 1)
        with connect(url, prepare=prepare) as connection:
            for turn in range(60):
                n = turn % 50 + 1
                label = f"{number}, {turn}"
                expected: list[tuple[Callable[[], object], object]] = [
                    (partial(one, connection, _FIND, (n,)), (n, f"thing {n}")),
                    (partial(many, connection, _LIST, (n,)), list(range(1, n + 1))),
                    (partial(one, connection, _ADD, (key, label)), (key, label)),
                    (partial(batch, connection, _ADD, [(key + 1, label), (key + 2, label)]), 2),
                    (partial(copy, connection, _ADD, [(key + 3, label), (key + 4, label)]), 2),
                    *((partial(execute, connection, _DROP, (key + i,)), None) for i in range(5)),
                ]
                for call, answer in expected:
                    try:
                        found = call()
                    except (psycopg.Error, DbkitError):
                        # a type or a table that is another one is refused; what was refused is not
                        # there to be deleted
                        continue
                    answered += 1
                    if answer is not None and found != answer:
                        wrong.append((answer, found))
        return answered, wrong

    with pooler(empty_url, mode, servers=3) as url, ThreadPoolExecutor(6) as threads:
        beside = [threads.submit(neighbour, url) for _ in range(2)]
        try:
            clients = [threads.submit(client, url, number) for number in range(3)]
            answers = [each.result() for each in clients]
        finally:
            stop.set()
        for each in beside:
            each.result()

    assert [wrong for _, wrong in answers] == [[], [], []]
    assert all(answered > 100 for answered, _ in answers)
