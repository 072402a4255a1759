"""Through a pooler, a statement of ours is never that of another client."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import RawCursor

from dbkit.database import connect
from dbkit.pools import open_database
from dbkit.runtime import SqlFile, Statement, one
from dbkit.transactions import transaction
from tests.pooler import needs_pgbouncer, pooler

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
