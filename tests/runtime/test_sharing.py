"""One connection is used by threads or tasks in turns, and refused to a second event loop."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import AsyncConnection

from dbkit.database import Prepare, set_prepare_mode
from dbkit.runtime import awaited, batch_rows, execute, many, one
from dbkit.runtime.errors import OtherLoop
from tests.runtime.statements import statement

NUMBERS = statement(
    "select n from generate_series(1, $1) as n", takes={"last": "int4"}, gives={"n": "int4"}
)
NUMBER = statement("select $1 + 1 as n", takes={"n": "int4"}, gives={"n": "int4"})
NOTHING = statement("select where $1 = 0", takes={"n": "int4"})
# by name if no pooler stands between, and without
PATHS: list[Prepare] = ["auto", "never"]


@pytest.mark.parametrize("prepare", PATHS)
@pytest.mark.parametrize("autocommit", [True, False])
def test_threads_take_turns_in_every_kind_of_call(
    typed_url: str, prepare: Prepare, autocommit: bool
) -> None:
    with psycopg.connect(typed_url, autocommit=autocommit) as shared:
        set_prepare_mode(shared, prepare)
        begins = threading.Barrier(6)

        def work(thread: int) -> None:
            begins.wait()
            for turn in range(25):
                number = thread * 100 + turn
                assert one(shared, NUMBER, [number]) == number + 1
                assert many(shared, NUMBERS, [number]) == list(range(1, number + 1))
                assert execute(shared, NOTHING, [number]) == (number == 0)
                assert batch_rows(shared, NUMBER, [[number], [turn]]) == [number + 1, turn + 1]

        with ThreadPoolExecutor(6) as threads:
            assert list(threads.map(work, range(6))) == [None] * 6


@pytest.mark.parametrize("prepare", PATHS)
@pytest.mark.parametrize("autocommit", [True, False])
def test_tasks_take_turns_in_every_kind_of_call(
    typed_url: str, prepare: Prepare, autocommit: bool
) -> None:
    async def work(shared: AsyncConnection, task: int) -> None:
        for turn in range(25):
            number = task * 100 + turn
            assert await awaited.one(shared, NUMBER, [number]) == number + 1
            assert await awaited.many(shared, NUMBERS, [number]) == list(range(1, number + 1))
            assert await awaited.execute(shared, NOTHING, [number]) == (number == 0)
            rows = await awaited.batch_rows(shared, NUMBER, [[number], [turn]])
            assert rows == [number + 1, turn + 1]

    async def share() -> None:
        async with await AsyncConnection.connect(typed_url, autocommit=autocommit) as shared:
            set_prepare_mode(shared, prepare)
            await asyncio.gather(*(work(shared, task) for task in range(6)))

    asyncio.run(share())


@pytest.mark.parametrize("prepare", PATHS)
def test_a_second_running_loop_is_refused_and_a_later_one_is_not(
    typed_url: str, prepare: Prepare
) -> None:
    async def ask(shared: AsyncConnection) -> int:
        return await awaited.one(shared, NUMBER, [1])

    async def ask_many(shared: AsyncConnection) -> list[int]:
        return await awaited.batch_rows(shared, NUMBER, [[1]])

    async def share() -> AsyncConnection:
        shared = await AsyncConnection.connect(typed_url, autocommit=True)
        set_prepare_mode(shared, prepare)
        assert await ask(shared) == 2
        for asked in (ask, ask_many):
            with pytest.raises(OtherLoop, match="a connection for each loop"):
                await asyncio.to_thread(lambda: asyncio.run(asked(shared)))  # noqa: B023
        assert await ask(shared) == 2
        return shared

    connection = asyncio.run(share())

    assert asyncio.run(ask(connection)) == 2
    assert asyncio.run(ask_many(connection)) == [2]
    asyncio.run(connection.close())
