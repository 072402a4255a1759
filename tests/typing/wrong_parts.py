"""Optional parts and identifiers that are given what they cannot be."""

from psycopg import Connection

from dbkit.runtime import OMITTED, Omitted
from dbkit.systems.myloware import runs
from tests.files.generating.shopqueries import orders


def call(connection: Connection, by: str, status: str | Omitted) -> None:
    orders.list_recent(connection, customer=OMITTED)  # wrong: it is always needed
    orders.list_recent(connection, customer=1, most=OMITTED)  # wrong: it has a default
    orders.list_recent(connection, customer=1, state=None)  # wrong: None is a value, and not null
    orders.list_recent(connection, customer=1, noted="yes")  # wrong: it is in or out
    orders.list_recent(connection, customer=1, sort="note")  # wrong: not one of those listed
    orders.list_recent(connection, customer=1, sort=by)  # wrong: any text may come
    runs.list_recent(connection, status=None)  # wrong: as above, None is no way to leave it out
    print(status.upper())  # wrong: it may be left out
