"""Pools, transactions, and work that is tried again."""

from decimal import Decimal
from typing import assert_type
from uuid import UUID

from psycopg import AsyncConnection, Connection

import dbkit
from dbkit.systems.ai_orchestration import schedules
from dbkit.systems.mrwa import executions, retention
from tests.files.generating.shopqueries import orders


def serve(url: str, user_id: UUID) -> Decimal | None:
    with dbkit.open_database(url, dbkit.STEADY, max_size=5) as database:
        with database.connection() as connection:
            executions.list_active(connection)
        with database.transaction(isolation="serializable", read_only=True) as connection:
            statistics = executions.get_statistics(connection, user_id=user_id)
        return statistics.avg_duration_sec


def clean(url: str) -> int:
    def remove(connection: Connection) -> int:
        return retention.remove_old_logs(connection, max_rows=500)

    with dbkit.open_database(url) as database:
        return assert_type(database.retry(remove, attempts=3, isolation="repeatable read"), int)


async def serve_awaited(url: str, tenant_id: UUID) -> list[int]:
    async def add(connection: AsyncConnection) -> list[int]:
        return await orders.add_each(connection, [orders.AddEachValues(1, None)])

    async with dbkit.open_async_database(url, dbkit.OVERFLOWING) as database:
        async with database.transaction(settings={"app.tenant_id": tenant_id}) as connection:
            await schedules.list_due(connection, tenant_id=tenant_id)
        return assert_type(await database.retry(add), list[int])


def save(connection: Connection) -> None:
    with dbkit.transaction(connection, deferrable=True):
        orders.change_note(connection, id=1, note="first")
        with dbkit.transaction(connection, settings={"app.user": "ada"}):
            orders.change_note(connection, id=2, note="second")


async def save_awaited(connection: AsyncConnection) -> None:
    async with dbkit.async_transaction(connection):
        await orders.change_note(connection, id=1, note="first")
