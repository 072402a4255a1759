"""Streams of rows, and many sets of values at once."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import assert_type

from psycopg import AsyncConnection, Connection

from dbkit.runtime import AsyncStream, Stream
from tests.files.generating.shopqueries import orders


def stream(connection: Connection) -> Iterator[str]:
    with orders.stream(connection, many=Decimal("9.90"), portion=100) as rows:
        assert_type(rows, Stream[orders.Note])
        for row in rows:
            assert_type(row, orders.Note)
            if row.note is not None:
                yield row.note


async def stream_awaited(connection: AsyncConnection) -> list[int]:
    async with orders.stream(connection, many=1.5) as rows:
        assert_type(rows, AsyncStream[orders.Note])
        return [row.id async for row in rows]


def load(connection: Connection, path: Path) -> int:
    with path.open() as lines:
        values = (
            orders.LoadValues(customer=int(row["customer"]), note=row["note"] or None, price=None)
            for row in csv.DictReader(lines)
        )
        return orders.load(connection, values)


async def add(connection: AsyncConnection) -> list[int]:
    sets = [
        orders.AddEachValues(1, {"article": "bolt", "sizes": [1, 2.5]}),
        orders.AddEachValues(customer=2, payload=None, state="paid"),
    ]
    return assert_type(await orders.add_each(connection, sets), list[int])
