"""An enum of PostgreSQL's is the literals it lists, so that none of them is forgotten."""

from typing import assert_never

from psycopg import Connection

from tests.files.generating.shopqueries import orders

PAID: orders.State = "paid"


def tell(state: orders.State) -> str:
    match state:
        case "open":
            return "waits"
        case "waiting for the supplier" | "on its way to the customer":
            return "is on its way"
        case "paid":
            return "is done"
        case _:
            assert_never(state)


def tell_of(connection: Connection, number: int) -> str:
    state = orders.find_state(connection, id=number)
    return "is unknown" if state is None else tell(state)


def list_paid(connection: Connection) -> list[orders.Order]:
    return orders.list_recent(connection, customer=1, state=PAID)
