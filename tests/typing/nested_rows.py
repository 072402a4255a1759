"""Rows inside a row, typed to the leaf."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_type
from uuid import UUID

from psycopg import Connection

from dbkit.systems.ai_orchestration import runs
from dbkit.systems.mrwa import executions
from tests.files.generating.shopqueries import customers


def sum_up(connection: Connection) -> Decimal:
    customer = customers.get_with_orders(connection, id=1)
    for order in customer.orders or []:
        assert_type(order, customers.GetWithOrdersOrder)
        assert_type(order.price, Decimal | None)
    return sum((order.price or Decimal() for order in customer.orders or ()), Decimal())


def move(connection: Connection, street: str) -> None:
    home = customers.get_with_orders(connection, id=1).home
    number = home.number if home else None
    customers.add(connection, id=2, name="Bob", home=customers.Place(street, number))


def last_steps(connection: Connection, run_id: UUID, tenant_id: UUID) -> Sequence[str]:
    run = runs.find_with_step_runs(connection, run_id=run_id, tenant_id=tenant_id)
    if run is None:
        return ()
    assert_type(run.step_runs[0].completed_at, datetime | None)
    return [step.step_name for step in run.step_runs[-3:] if step.attempt > 1]


def messages(connection: Connection, execution_id: UUID) -> list[str]:
    found = executions.find_with_details(connection, execution_id=execution_id)
    return [log.message for log in found.logs] if found else []
