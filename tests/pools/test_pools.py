"""A pool lends sound connections, ends what they began, and tries again where it was asked to."""

import asyncio
import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import AsyncConnection, Connection
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

from dbkit.errors import CannotConnect
from dbkit.pools import (
    OVERFLOWING,
    STEADY,
    Database,
    Sizes,
    open_async_database,
    open_database,
)

WRITE = "insert into notes values (%s)"
READ = "select text from notes order by text"


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    """A small pool on a database with one table."""
    with open_database(empty_url, max_size=2, timeout=5) as database:
        with database.connection() as connection:
            connection.execute("create table notes (text text)")
        yield database


def notes(database: Database) -> list[str]:
    with database.connection() as connection:
        return [text for (text,) in connection.execute(READ)]


def test_a_lent_connection_commits_at_the_end(database: Database) -> None:
    with database.connection() as connection:
        connection.execute(WRITE, ["kept"])

    assert notes(database) == ["kept"]


def test_a_lent_connection_is_rolled_back_on_an_error(database: Database) -> None:
    with (
        pytest.raises(psycopg.errors.DivisionByZero),
        database.connection() as connection,
    ):
        connection.execute("insert into notes values ('gone'); select 1 / 0")

    assert notes(database) == []


def test_a_transaction_is_committed_with_its_options(database: Database) -> None:
    with database.transaction(isolation="serializable", settings={"app.user": "u"}) as connection:
        connection.execute(
            "insert into notes select current_setting('transaction_isolation') "
            "|| current_setting('app.user')"
        )

    assert notes(database) == ["serializableu"]


def test_a_read_only_transaction_does_not_write(database: Database) -> None:
    with (
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        database.transaction(read_only=True) as connection,
    ):
        connection.execute(WRITE, ["no"])


def test_a_connection_that_died_is_not_lent(database: Database, empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )

    assert notes(database) == []


def test_who_finds_no_connection_waits_and_is_told(empty_url: str) -> None:
    with (
        open_database(empty_url, max_size=1, timeout=0.1) as database,
        database.connection(),
        pytest.raises(PoolTimeout, match=r"0\.10 sec"),
        database.connection(),
    ):
        pass


def test_a_wrong_url_is_one_sentence_at_once(empty_url: str) -> None:
    with pytest.raises(CannotConnect, match="begins with postgresql://"):
        open_database("mysql://nowhere")
    with pytest.raises(CannotConnect, match="does not exist"):
        open_database(empty_url.replace("empty_", "missing_"))


@pytest.mark.parametrize(
    ("preset", "sizes"),
    [
        (STEADY, Sizes(min_size=5, max_size=25, max_lifetime=3600, max_idle=1800, checked=True)),
        (OVERFLOWING, Sizes(min_size=10, max_size=30, max_lifetime=3600, max_idle=60)),
    ],
)
def test_the_presets_are_the_documented_settings(preset: Sizes, sizes: Sizes) -> None:
    assert preset == sizes


def test_a_preset_opens_as_many_as_it_says(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "latin1")
    with open_database(empty_url, STEADY, min_size=3, checked=False) as database:
        # lent at once, they are three different ones; a fourth is opened at need
        with database.connection() as a, database.connection() as b, database.connection() as c:
            pids = {connection.info.backend_pid for connection in (a, b, c)}
            encoding = a.execute("select current_setting('client_encoding')").fetchone()

        assert len(pids) == 3
        assert encoding == ("UTF8",)


def increment(connection: Connection) -> int:
    """Read, then write what was read and one: two at a time collide."""
    row = connection.execute("select count(*) from notes").fetchone()
    assert row is not None
    seen: int = row[0]
    connection.execute(WRITE, [str(seen)])
    return seen


def test_two_that_collide_are_both_done(database: Database) -> None:
    meet = threading.Barrier(2)
    calls: list[int] = []

    def collide(connection: Connection) -> int:
        seen = increment(connection)
        calls.append(seen)
        if len(calls) <= 2:
            meet.wait(10)
        return seen

    results: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(database.retry(collide, isolation="serializable"))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(results) == [0, 1]
    assert len(calls) == 3
    assert notes(database) == ["0", "1"]


def deadlocked(connection: Connection) -> None:
    connection.execute("do $$ begin raise exception using errcode = 'deadlock_detected'; end $$")


def test_what_never_succeeds_is_given_up(database: Database) -> None:
    calls: list[TransactionStatus] = []

    def fail(connection: Connection) -> None:
        calls.append(connection.info.transaction_status)
        deadlocked(connection)

    with pytest.raises(psycopg.errors.DeadlockDetected):
        database.retry(fail, attempts=3)

    assert calls == [TransactionStatus.INTRANS] * 3


def test_another_error_is_not_tried_again(database: Database) -> None:
    calls: list[int] = []

    def fail(_: Connection) -> None:
        calls.append(1)
        raise LookupError

    with pytest.raises(LookupError):
        database.retry(fail)

    assert calls == [1]


def test_the_same_can_be_awaited(empty_url: str) -> None:
    calls: list[int] = []

    async def collide(connection: AsyncConnection) -> str:
        calls.append(1)
        await connection.execute(WRITE, ["tried"])
        if len(calls) < 3:
            await connection.execute(
                "do $$ begin raise exception using errcode = 'serialization_failure'; end $$"
            )
        return "done"

    async def work() -> list[object]:
        async with open_async_database(empty_url, max_size=2) as database:
            async with database.connection() as connection:
                await connection.execute("create table notes (text text)")
            done = await database.retry(collide, attempts=3, isolation="serializable")
            async with database.transaction(read_only=True) as connection:
                rows = await (await connection.execute(READ)).fetchall()
            calls.clear()
            with pytest.raises(psycopg.errors.SerializationFailure):
                await database.retry(collide, attempts=2)
            return [done, rows]

    assert asyncio.run(work()) == ["done", [("tried",)]]


def test_an_awaited_wrong_url_is_one_sentence_too() -> None:
    async def work() -> None:
        async with open_async_database("mysql://nowhere"):
            pass

    with pytest.raises(CannotConnect, match="begins with postgresql://"):
        asyncio.run(work())
