"""Every kind of query, called on a blocking connection."""

import datetime as dt
from decimal import Decimal
from typing import Any, assert_type

from psycopg import Connection
from psycopg.rows import DictRow

from tests.files.generating.shopqueries import customers, orders


def read(connection: Connection) -> Decimal:
    assert_type(orders.list_open(connection), list[orders.Order])
    assert_type(orders.list_open(connection)[0].date, dt.date | None)
    assert_type(orders.find_state(connection, id=1), orders.State | None)
    assert_type(orders.count_of(connection, customer=1), int)
    assert_type(customers.list(connection), list[str])
    return sum((order.price or Decimal() for order in orders.list_open(connection)), Decimal())


def change(connection: Connection) -> None:
    assert_type(orders.change_note(connection, id=1, note=None), int)
    assert_type(orders.change_note(connection, id=1, note="paid by cheque"), int)
    customers.add(connection, id=1, name="Ada", home=None)


def call_with_rows_of_ones_own(connection: Connection[DictRow], other: Connection[Any]) -> None:
    assert_type(orders.list_open(connection), list[orders.Order])
    assert_type(orders.list_open(other), list[orders.Order])
