"""Files that are called by their names and described, with nothing generated."""

from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, Connection

import dbkit
from dbkit.errors import NoRow, TooManyRows
from dbkit.loading import UnknownQuery
from dbkit.runtime import OMITTED


def call(connection: Connection) -> list[str]:
    queries = dbkit.load("sql/myloware")
    runs: list[Any] = queries["runs.list_recent"](connection, project="aismr", status=OMITTED)
    return [run.run_id for run in runs] + [name for name in queries if name.startswith("runs.")]


async def call_awaited(connection: AsyncConnection, folder: Path) -> int:
    queries = dbkit.load(folder, root=folder.parent)
    added: list[int] = await queries["orders.add"](connection, [{"id": 1}, {"id": 2}], customer=1)
    return len(added)


def tell(connection: Connection) -> str:
    try:
        query = dbkit.load(Path("sql") / "mrwa")["executions.get_statistics"]
        return f"{query.name}: {query(connection, user_id=None)}"
    except UnknownQuery as error:
        return ", ".join(error.known)
    except TooManyRows as error:
        return f"{error.query} found {error.count}"
    except NoRow as error:
        return error.query


def columns(connection: Connection, text: str) -> dict[str, bool]:
    described = dbkit.describe(connection, text)
    return {column.name: column.nullable for column in described.columns}
