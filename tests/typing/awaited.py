"""The same functions, awaited on an async connection."""

import asyncio
from collections.abc import Coroutine
from typing import Any, assert_type

from psycopg import AsyncConnection

from tests.files.generating.shopqueries import customers, orders


async def read(connection: AsyncConnection) -> list[int]:
    assert_type(await orders.list_open(connection), list[orders.Order])
    assert_type(await orders.find_state(connection, id=1), orders.State | None)
    assert_type(await orders.count_of(connection, customer=1), int)
    assert_type(await customers.list(connection), list[str])
    return [order.id for order in await orders.list_open(connection)]


async def call_several(one: AsyncConnection[Any], other: AsyncConnection[Any]) -> None:
    rows, number = await asyncio.gather(orders.list_open(one), orders.count_of(other, customer=1))
    assert_type(rows, list[orders.Order])
    assert_type(number, int)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(orders.change_note(one, id=1, note=None))
    assert_type(task.result(), int)


def await_later(connection: AsyncConnection) -> Coroutine[None, None, list[orders.Order]]:
    return orders.list_open(connection)
