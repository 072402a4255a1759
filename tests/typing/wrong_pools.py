"""Pools and transactions that are asked for what there is not."""

from psycopg import AsyncConnection, Connection

import dbkit
from tests.files.generating.shopqueries import orders


def count(connection: Connection) -> int:
    return orders.count_of(connection, customer=1)


async def count_awaited(connection: AsyncConnection) -> int:
    return await orders.count_of(connection, customer=1)


def call(url: str, connection: Connection) -> None:
    dbkit.open_database(url, max=5)  # wrong: the number is called max_size
    dbkit.open_database(url, 5)  # wrong: sizes have names
    with dbkit.open_database(url) as database:
        orders.list_open(database)  # wrong: a pool lends a connection and is none
        database.retry(count_awaited)  # wrong: an async function has its own pool
        text: str = database.retry(count)  # wrong: it gives what the function gives
        print(text)
    with dbkit.transaction(connection, isolation="strict"):  # wrong: there is no such isolation
        pass
    with dbkit.transaction(connection, readonly=True):  # wrong: it is called read_only
        pass


async def call_awaited(url: str, connection: AsyncConnection) -> None:
    with dbkit.transaction(connection):  # wrong: an async connection has its own
        pass
    with dbkit.open_async_database(url):  # wrong: it has to be `async with`
        pass
