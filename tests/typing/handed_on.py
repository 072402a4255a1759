"""Generated functions as values: handed on, wrapped, and asked for by a protocol."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection

from dbkit.systems.mrwa import executions
from dbkit.systems.softwarestudio import sessions
from tests.files.generating.shopqueries import orders


class Counts(Protocol):
    def __call__(self, connection: Connection[Any], *, customer: int) -> int: ...


@dataclass(frozen=True)
class Service:
    connection: Connection
    count: Counts = orders.count_of

    def has_orders(self, customer: int) -> bool:
        return self.count(self.connection, customer=customer) > 0


def read(connection: Connection, listing: Callable[[Connection], list[orders.Order]]) -> int:
    return len(listing(connection))


def call(connection: Connection, user_id: UUID) -> None:
    read(connection, orders.list_open)
    read(connection, partial(orders.list_recent, customer=1))
    Service(connection).has_orders(1)
    by_status = {one.status: one.count for one in sessions.list_metrics(connection)}
    by_status["open"] = len(executions.list_for_user(connection, user_id=user_id))
