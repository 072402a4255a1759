"""What goes into jsonb columns, and what comes out of them."""

from collections.abc import Mapping
from typing import assert_type
from uuid import UUID

from psycopg import Connection

from dbkit.pgtypes import Json
from dbkit.systems.mrwa import executions
from tests.files.generating.payloads import Payload
from tests.files.generating.shopqueries import orders


def add(connection: Connection, sizes: dict[str, int], names: Mapping[str, list[str]]) -> None:
    orders.add_each(connection, [orders.AddEachValues(1, sizes), orders.AddEachValues(1, names)])
    orders.add_each(connection, [orders.AddEachValues(1, [1, "two", None, {"three": 3.0}])])


def articles(connection: Connection) -> dict[str, int]:
    listed = orders.list_payloads(connection)
    assert_type(listed[0].payload, Payload)
    assert_type(listed[0].tags, list[str | None])
    return {one.payload.article: one.payload.number for one in listed}


def step_names(connection: Connection, execution_id: UUID) -> list[str]:
    found = executions.find_with_details(connection, execution_id=execution_id)
    if found is None:
        return []
    assert_type(found.plan, Json)
    match found.plan:
        case {"steps": [*steps]}:
            return [str(step) for step in steps]
        case _:
            return []
