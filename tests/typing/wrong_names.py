"""Queries called by their names, with what no query takes."""

from psycopg import AsyncConnection, Connection

import dbkit


def call(connection: Connection) -> None:
    queries = dbkit.load("sql/myloware")
    queries["runs.list_recent"]()  # wrong: a connection is needed
    queries["runs.list_recent"]("postgresql:///myloware")  # wrong: a URL is no connection
    queries["runs.list_recent"](connection, 20)  # wrong: values are keywords
    queries["runs.list_recent"](connection, [20])  # wrong: a set of values is a mapping
    queries["runs.add"] = queries["runs.list_recent"]  # wrong: what is loaded stays
    queries.runs  # wrong: a query is found by its name
    dbkit.load()  # wrong: a folder is needed
    dbkit.describe(connection, "select $1", 1)  # wrong: no values are asked


async def call_awaited(connection: AsyncConnection) -> None:
    dbkit.describe(connection, "select 1")  # wrong: only a blocking connection can ask
