"""Parts of a statement that are left out, and what a caller hands on."""

from datetime import date
from typing import Literal, TypedDict, Unpack

from psycopg import Connection

from dbkit.runtime import OMITTED, Omitted
from dbkit.systems.myloware import runs
from tests.files.generating.shopqueries import orders


def call(connection: Connection) -> None:
    orders.list_recent(connection, customer=1)
    orders.list_recent(connection, customer=1, state="paid", sort="price", noted=True, most=5)
    orders.list_recent(connection, customer=1, state=OMITTED, before=OMITTED)


def search(
    connection: Connection,
    *,
    before: date | None,
    state: orders.State | Omitted = OMITTED,
    sort: Literal["date", "price"] = "date",
) -> list[orders.Order]:
    return orders.list_recent(
        connection,
        customer=1,
        state=state,
        before=OMITTED if before is None else before,
        sort=sort,
    )


class Filter(TypedDict, total=False):
    project: str
    status: str


def list_runs(connection: Connection, **chosen: Unpack[Filter]) -> list[runs.ListRecentRow]:
    return runs.list_recent(connection, max_runs=100, **chosen)


def tell(status: str | Omitted) -> str:
    return "any" if status is OMITTED else status.upper()
