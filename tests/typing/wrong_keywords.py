"""Calls with keywords that a query does not take, or without those that it needs."""

from psycopg import Connection

from dbkit.systems.mrwa import executions
from dbkit.systems.myloware import runs
from tests.files.generating.shopqueries import customers, orders


def call(connection: Connection) -> None:
    orders.count_of(connection)  # wrong: the customer is needed
    orders.count_of(connection, 1)  # wrong: values are keywords
    orders.count_of(connection, customers=1)  # wrong: there is no such keyword
    orders.count_of(connection, customer="1")  # wrong: a number is needed
    orders.count_of(connection, customer=None)  # wrong: it is compared, and so never null
    orders.list_open(connection, state="open")  # wrong: it takes nothing
    orders.list_open()  # wrong: a connection is needed
    orders.list_open("postgresql:///shop")  # wrong: a URL is no connection
    customers.add(connection, id=1, name=None, home=None)  # wrong: a name is not null
    executions.list_for_user(connection, user_id="0b0e5e02")  # wrong: a UUID is no text
    runs.list_recent(connection, max_runs="20")  # wrong: a number is no text
    orders.list_all(connection)  # wrong: there is no such query
