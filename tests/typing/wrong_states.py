"""States of an order that there are not, and one that is forgotten."""

from typing import assert_never

from psycopg import Connection

from tests.files.generating.shopqueries import orders

LOST: orders.State = "lost"  # wrong: not one that the enum lists


def tell(state: orders.State) -> str:
    match state:
        case "open" | "paid":
            return "is here"
        case "waiting for the supplier":
            return "is not yet here"
        case _:
            assert_never(state)  # wrong: an order may be on its way to the customer


def call(connection: Connection, state: str) -> None:
    tell(orders.find_state(connection, id=1))  # wrong: there may be no such order
    orders.list_recent(connection, customer=1, state="closed")  # wrong: not one of the states
    orders.list_recent(connection, customer=1, state=state)  # wrong: any text may come
    rows: list[orders.Note] = orders.list_payloads(connection)  # wrong: these have payloads
    tags: list[str] = orders.list_payloads(connection)[0].tags  # wrong: a tag may be null
    print(rows, tags)
