"""Call a statement: the kinds of query, each for a blocking and for an async connection."""

from collections.abc import Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.pq.abc import PGresult

from dbkit.errors import NoRow, TooManyRows
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import make_ready
from dbkit.runtime.statement import Composition, Statement
from dbkit.runtime.wire import AnyConnection, Steps, query, run

T = TypeVar("T")


def one(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> T:
    """Give the one row there is; none is `NoRow`, two are `TooManyRows`.

    On an `AsyncConnection` what this and the others give is awaited, as the signatures of a
    generated function and those of `runtime.awaited` tell.
    """
    return run(connection, _one(connection, statement, values))


def optional(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> T | None:
    """Give the row or None; two are `TooManyRows`."""
    steps = _optional(connection, statement, values)
    return run(connection, steps)


def many(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> list[T]:
    """Give all rows, as a list."""
    return run(connection, _many(connection, statement, values))


def execute(connection: AnyConnection, statement: Statement[Any], values: Sequence[object]) -> int:
    """Give the number of rows touched."""
    return run(connection, _execute(connection, statement, values))


def _one(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> Steps[T]:
    rows = yield from _many(connection, statement, values)
    if not rows:
        raise NoRow(statement.query)
    if len(rows) > 1:
        raise TooManyRows(statement.query, len(rows))
    return rows[0]


def _optional(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> Steps[T | None]:
    rows = yield from _many(connection, statement, values)
    if len(rows) > 1:
        raise TooManyRows(statement.query, len(rows))
    return rows[0] if rows else None


def _many(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> Steps[list[T]]:
    composition = statement.composition(values)
    try:
        ready, result = yield from _answer(connection, composition, values)
        return ready.rows(connection, result)
    except psycopg.Error as error:
        composition.note(error)
        raise


def _execute(
    connection: AnyConnection, statement: Statement[Any], values: Sequence[object]
) -> Steps[int]:
    composition = statement.composition(values)
    try:
        _, result = yield from _answer(connection, composition, values)
    except psycopg.Error as error:
        composition.note(error)
        raise
    return result.command_tuples or 0


def _answer(
    connection: AnyConnection, composition: Composition[T], values: Sequence[object]
) -> Steps[tuple[Ready[T], PGresult]]:
    ready = yield from make_ready(connection, composition)
    sent = ready.bind(composition.bound(values))
    result = yield from query(
        connection.pgconn, ready.text, sent.values, ready.types, sent.formats, ready.result_format
    )
    ready.check(result)
    return ready, result
