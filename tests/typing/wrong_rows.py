"""Rows that are used as what they are not."""

from uuid import UUID

from psycopg import Connection

from dbkit.systems.ai_orchestration import runs
from dbkit.systems.mrwa import executions
from tests.files.generating.shopqueries import customers, orders


def read(connection: Connection, number: UUID) -> None:
    [order, *_] = orders.list_open(connection)
    order.id = 2  # wrong: rows are frozen
    print(order.note)  # wrong: the query has no such column
    print(order[0])  # wrong: a row is no tuple
    print(order.date.year)  # wrong: the date may be null
    print(round(order.price, 2))  # wrong: the price may be null
    print(orders.count_of(connection, customer=1).number)  # wrong: one column is its value
    print(orders.find_state(connection, id=1).upper())  # wrong: there may be no such order
    print(len(orders.change_note(connection, id=1, note=None)))  # wrong: it is a number of rows
    for nested in customers.get_with_orders(connection, id=1).orders:  # wrong: there may be none
        print(nested)
    run = runs.find_with_step_runs(connection, run_id=number, tenant_id=number)
    print(run.step_runs)  # wrong: there may be no such run
    assert run is not None
    print(run.step_runs[0].error.upper())  # wrong: a step may have no error
    statistics = executions.get_statistics(connection, user_id=number)
    print(statistics.avg_duration_sec + 1)  # wrong: without an execution it is null
