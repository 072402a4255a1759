"""Call a statement: the kinds of query, each for a blocking and for an async connection."""

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar, overload

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.pq.abc import PGresult

from dbkit.errors import NoRow, TooManyRows
from dbkit.runtime.ready import Ready, make_ready
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import AnyConnection, Steps, query, run

T = TypeVar("T")


@overload
def one(connection: Connection[Any], statement: Statement[T], values: Sequence[object]) -> T: ...
@overload
def one(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> Coroutine[Any, Any, T]: ...
def one(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> T | Coroutine[Any, Any, T]:
    """Give the one row there is; none is `NoRow`, two are `TooManyRows`."""
    return run(connection, _one(connection, statement, values))


@overload
def optional(
    connection: Connection[Any], statement: Statement[T], values: Sequence[object]
) -> T | None: ...
@overload
def optional(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> Coroutine[Any, Any, T | None]: ...
def optional(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> T | Coroutine[Any, Any, T | None] | None:
    """Give the row or None; two are `TooManyRows`."""
    return run(connection, _optional(connection, statement, values))


@overload
def many(
    connection: Connection[Any], statement: Statement[T], values: Sequence[object]
) -> list[T]: ...
@overload
def many(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> Coroutine[Any, Any, list[T]]: ...
def many(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> list[T] | Coroutine[Any, Any, list[T]]:
    """Give all rows, as a list."""
    return run(connection, _many(connection, statement, values))


@overload
def execute(
    connection: Connection[Any], statement: Statement[Any], values: Sequence[object]
) -> int: ...
@overload
def execute(
    connection: AsyncConnection[Any], statement: Statement[Any], values: Sequence[object]
) -> Coroutine[Any, Any, int]: ...
def execute(
    connection: AnyConnection, statement: Statement[Any], values: Sequence[object]
) -> int | Coroutine[Any, Any, int]:
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
    try:
        ready, result = yield from _answer(connection, statement, values)
        return ready.rows(connection, result)
    except psycopg.Error as error:
        statement.note(error)
        raise


def _execute(
    connection: AnyConnection, statement: Statement[Any], values: Sequence[object]
) -> Steps[int]:
    try:
        _, result = yield from _answer(connection, statement, values)
    except psycopg.Error as error:
        statement.note(error)
        raise
    return result.command_tuples or 0


def _answer(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> Steps[tuple[Ready[T], PGresult]]:
    ready = yield from make_ready(connection, statement)
    sent = ready.bind(values)
    result = yield from query(
        connection.pgconn, ready.text, sent.values, ready.types, sent.formats, ready.result_format
    )
    ready.check(result)
    return ready, result
