"""Sets of values that are not of their class, or are given where one set belongs."""

from psycopg import Connection

from tests.files.generating.shopqueries import orders


def call(connection: Connection) -> None:
    orders.add_each(connection, [(1, None, "open")])  # wrong: a tuple is no set of values
    orders.add_each(connection, [{"customer": 1, "payload": None}])  # wrong: nor is a mapping
    orders.add_each(connection, orders.AddEachValues(1, None))  # wrong: one set is not many
    orders.add_each(connection, [orders.AddEachValues(1)])  # wrong: the payload is needed
    orders.add_each(connection, [orders.LoadValues(1, None, None)])  # wrong: of another query
    orders.AddEachValues(1, None, "lost")  # wrong: no state of an order
    orders.AddEachValues(1, {1, 2})  # wrong: a set is not JSON
    orders.load(connection)  # wrong: without values there is nothing to load
    print(orders.load(connection, [])[0])  # wrong: it gives a number
    orders.change_note(connection, [orders.LoadValues(1, None, None)])  # wrong: it takes one set
