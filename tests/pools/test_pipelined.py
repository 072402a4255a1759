"""Tasks that share connections get their own rows and errors, whatever becomes of the others."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from psycopg import AsyncConnection

from dbkit.errors import BadValue, NoRow
from dbkit.pools import AsyncDatabase, CommitUnknown, DatabaseClosed, OnlyCalls, open_async_database
from dbkit.runtime import awaited
from tests.runtime.statements import statement

NUMBER = statement("select $1 + 1 as n", takes={"x": "int4"}, gives={"n": "int4"})
PARTS = statement("select 12 / $1 as n", takes={"x": "int4"}, gives={"n": "int4"})
NUMBERS = statement(
    "select n from generate_series(1, $1) as n", takes={"last": "int4"}, gives={"n": "int4"}
)
SLOW = statement(
    "select $1 as n, pg_sleep(0.001) is null as s",
    takes={"n": "int4"},
    gives={"n": "int4", "s": "bool"},
)
ADD = statement("insert into notes values ($1)", takes={"n": "int4"})
END = statement("select pg_terminate_backend(pg_backend_pid()) as done", gives={"done": "bool"})
SLEEP = statement(
    "select pg_sleep($1) is null as done", takes={"seconds": "float8"}, gives={"done": "bool"}
)
LIST = statement("select n from notes order by n", gives={"n": "int4"})


def run(url: str, work: Callable[[AsyncDatabase], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with open_async_database(url, max_size=3, timeout=20) as database:
            async with database.connection() as connection:
                await connection.execute("create table notes (n integer primary key)")
            await work(database)

    asyncio.run(opened())


async def waiting(url: str, what: str) -> list[int]:
    """Give the backends that wait for something, as soon as there are any."""
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            found = await connection.execute(
                "select pid from pg_stat_activity "
                "where wait_event = %s and datname = current_database()",
                [what],
            )
            if pids := [pid for (pid,) in await found.fetchall()]:
                return pids
            await asyncio.sleep(0.01)


def test_each_task_gets_its_own_rows(empty_url: str) -> None:
    async def ask(connection: AsyncConnection, n: int) -> None:
        for x in range(20):
            assert await awaited.one(connection, NUMBER, [n * 100 + x]) == n * 100 + x + 1
            assert await awaited.many(connection, NUMBERS, [x]) == list(range(1, x + 1))
            assert await awaited.optional(connection, PARTS, [n + 1]) == 12 // (n + 1)

    async def work(database: AsyncDatabase) -> None:
        async with database.pipelined() as connection:
            await asyncio.gather(*(ask(connection, n) for n in range(64)))
        async with database.connection() as lent:
            assert not lent.autocommit
        assert database.statistics().lent == 0

    run(empty_url, work)


def test_an_error_reaches_its_own_task_alone(empty_url: str) -> None:
    async def work(database: AsyncDatabase) -> None:
        async with database.pipelined(1) as connection:
            for _ in range(3):
                results = await asyncio.gather(
                    *(awaited.one(connection, PARTS, [n % 3]) for n in range(30)),
                    awaited.one(connection, NUMBER, ["no number"]),
                    awaited.one(connection, LIST, []),
                    *(awaited.execute(connection, ADD, [1]) for _ in range(2)),
                    awaited.execute(connection, ADD, [2]),
                    return_exceptions=True,
                )
                for n, result in enumerate(results[:30]):
                    if n % 3:
                        assert result == 12 // (n % 3)
                    else:
                        assert isinstance(result, psycopg.errors.DivisionByZero)
                        assert result.__notes__ == [
                            "while running things.tried (sql/shop/things/tried.sql:4)"
                        ]
                assert isinstance(results[30], BadValue)
                assert (results[32], results[34]) == (1, 1)
                assert isinstance(results[33], psycopg.errors.UniqueViolation)
                assert await awaited.many(connection, LIST, []) == [1, 2]
                async with database.connection() as lent:
                    await lent.execute("truncate notes")
            with pytest.raises(NoRow):
                await awaited.one(connection, LIST, [])

    run(empty_url, work)


def test_a_cancelled_task_takes_nothing_from_another(empty_url: str) -> None:
    async def work(database: AsyncDatabase) -> None:
        seeded = random.Random(17)  # noqa: S311 - moments, no secrets
        cancelled = 0
        async with database.pipelined() as connection:
            for _ in range(30):
                tasks = [asyncio.create_task(awaited.one(connection, SLOW, [n])) for n in range(24)]
                await asyncio.sleep(seeded.random() * 0.01)
                for task in seeded.sample(tasks, 12):
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                for n, result in enumerate(results):
                    if isinstance(result, asyncio.CancelledError):
                        cancelled += 1
                    else:
                        assert isinstance(result, tuple)
                        assert result[0] == n
        assert cancelled > 60

    run(empty_url, work)


def test_a_lost_connection_is_told_and_replaced(empty_url: str) -> None:
    async def kill() -> None:
        async with await AsyncConnection.connect(empty_url, autocommit=True) as other:
            await other.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )

    async def work(database: AsyncDatabase) -> None:
        done: list[int] = []
        unknown: list[int] = []

        async def add(connection: AsyncConnection, n: int) -> None:
            try:
                await awaited.execute(connection, ADD, [n])
                done.append(n)
            except psycopg.OperationalError:
                unknown.append(n)

        async with database.pipelined() as connection:
            for turn in range(5):
                adds = [asyncio.create_task(add(connection, turn * 1000 + n)) for n in range(200)]
                await asyncio.sleep(0.002)
                await kill()
                await asyncio.wait_for(asyncio.gather(*adds), 30)
            found = set(await awaited.many(connection, LIST, []))
        assert len(done) + len(unknown) == 1000
        assert set(done) <= found <= {*done, *unknown}

    run(empty_url, work)


def test_what_was_not_sent_when_its_connection_was_lost_is_made_on_another(empty_url: str) -> None:
    async def work(database: AsyncDatabase) -> None:
        async with database.pipelined(1) as connection:
            await awaited.execute(connection, ADD, [0])
            sent = [awaited.execute(connection, ADD, [n]) for n in range(1, 10)]
            # none of these is prepared, so they are made one after the other
            end = awaited.one(connection, END, [])
            behind = [awaited.one(connection, PARTS, [n]) for n in (1, 2, 3)]

            results = await asyncio.gather(*sent, end, *behind, return_exceptions=True)

            assert results[:9] == [1] * 9
            assert isinstance(results[9], CommitUnknown)
            assert results[10:] == [12, 6, 4]
            assert await awaited.many(connection, LIST, []) == list(range(10))

    run(empty_url, work)


def test_a_call_whose_connection_is_lost_before_it_is_sent_is_not_unknown(
    empty_url: str, *, is_unnamed: bool
) -> None:
    async def work(database: AsyncDatabase) -> None:
        async with (
            database.pipelined(1) as connection,
            await AsyncConnection.connect(empty_url) as other,
        ):
            await other.execute("lock table notes")
            # it cannot even be prepared; without a name it is not, and was sent
            calls = [
                asyncio.create_task(awaited.execute(connection, ADD, [1])),
                asyncio.create_task(awaited.one(connection, NUMBER, [1])),
            ]
            [pid] = await waiting(empty_url, "relation")
            await other.execute("select pg_terminate_backend(%s, 5000)", [pid])

            lost, made = await asyncio.gather(*calls, return_exceptions=True)

            assert isinstance(lost, psycopg.OperationalError)
            assert isinstance(lost, CommitUnknown) == is_unnamed
            assert made == 2

    run(empty_url, work)


@pytest.mark.parametrize("others", [0, 1])
def test_what_was_not_sent_when_its_group_was_cancelled_is_not_unknown(
    empty_url: str, others: int
) -> None:
    async def work(database: AsyncDatabase) -> None:
        before = asyncio.all_tasks()
        async with database.pipelined(1 + others) as connection:
            carriers = sorted(asyncio.all_tasks() - before, key=lambda task: task.get_name())
            calls = [
                asyncio.create_task(awaited.one(connection, SLEEP, [30])),
                *(asyncio.create_task(awaited.one(connection, NUMBER, [n])) for n in range(3)),
            ]
            await waiting(empty_url, "PgSleep")
            carriers[0].cancel()

            results = await asyncio.gather(*calls, return_exceptions=True)

            assert isinstance(results[0], CommitUnknown)
            if others:
                assert results[1:] == [1, 2, 3]
            else:
                assert [type(error) for error in results[1:]] == [DatabaseClosed] * 3

    run(empty_url, work)


def test_a_statement_that_the_server_lost_is_prepared_again(empty_url: str) -> None:
    async def work(database: AsyncDatabase) -> None:
        async with database.pipelined(1) as connection:
            for turn in range(3):
                adds = [awaited.execute(connection, ADD, [turn * 10 + n]) for n in range(10)]
                assert await asyncio.gather(*adds) == [1] * 10
                async with database.connection() as lent:
                    await lent.execute("alter table notes add column extra integer")
                    await lent.execute("alter table notes drop column extra")
                await awaited.many(connection, statement("deallocate all"), [])
            assert await awaited.many(connection, LIST, []) == list(range(30))

    run(empty_url, work)


def test_all_but_single_calls_is_refused(empty_url: str) -> None:
    async def work(database: AsyncDatabase) -> None:
        async with database.pipelined() as connection:
            with pytest.raises(OnlyCalls, match="makes single calls"):
                await connection.execute("select 1")
            with pytest.raises(OnlyCalls):
                async with connection.transaction():
                    pass
            with pytest.raises(OnlyCalls):
                await connection.commit()
            with pytest.raises(OnlyCalls):
                await connection.close()
            with pytest.raises(OnlyCalls):
                await awaited.batch(connection, ADD, [[1]])
            with pytest.raises(OnlyCalls):
                async for _ in awaited.stream(connection, LIST, []):
                    pass
            assert await awaited.one(connection, NUMBER, [1]) == 2
        with pytest.raises(DatabaseClosed):
            await awaited.one(connection, NUMBER, [1])
        with pytest.raises(ValueError, match="at least 1"):
            await database.pipelined(0).__aenter__()

    run(empty_url, work)
