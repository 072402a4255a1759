"""Async calls that are not awaited, and blocking ones that are."""

from psycopg import AsyncConnection, Connection

from tests.files.generating.shopqueries import orders


async def call(connection: AsyncConnection, blocking: Connection) -> None:
    rows = orders.list_open(connection)
    len(rows)  # wrong: it has to be awaited
    await rows
    orders.count_of(connection, customer=1)  # wrong: nobody awaits it
    await orders.count_of(blocking, customer=1)  # wrong: there is nothing to await
    for _ in orders.stream(connection, many=1):  # wrong: it is an async one
        pass
    async for _ in orders.stream(blocking, many=1):  # wrong: it is a blocking one
        pass
    await orders.stream(connection, many=1)  # wrong: a stream is iterated over
