"""Call a statement: the kinds of query, each for a blocking and for an async connection."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import psycopg
from psycopg import AsyncConnection, Connection, generators
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult

from dbkit.errors import NoRow, TooManyRows
from dbkit.runtime.loopreader import reader_of
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import (
    ConnectionState,
    answer,
    refuse_pipeline,
    send_now,
    session_of,
    settle,
)
from dbkit.runtime.statement import Composition, Statement
from dbkit.runtime.wire import BAD, AnyConnection, drained, is_idle, last_of_group

T = TypeVar("T")

# the messages of a group that begins the transaction and makes the call
_WITH_BEGIN = 2
# so many seconds a server has to end what was cancelled
_PATIENCE = 5.0


def one(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> T:
    """Give the one row there is; none is `NoRow`, two are `TooManyRows`.

    On an `AsyncConnection` what this and the others give is awaited, as the signatures of a
    generated function and those of `runtime.awaited` tell.
    """
    if isinstance(connection, AsyncConnection):
        return cast("T", _one_awaited(connection, statement, values))
    return _only(statement, _rows(connection, statement, values))


def optional(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> T | None:
    """Give the row or None; two are `TooManyRows`."""
    if isinstance(connection, AsyncConnection):
        return cast("T", _optional_awaited(connection, statement, values))
    return _at_most_one(statement, _rows(connection, statement, values))


def many(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> list[T]:
    """Give all rows, as a list."""
    if isinstance(connection, AsyncConnection):
        return cast("list[T]", _rows_awaited(connection, statement, values))
    return _rows(connection, statement, values)


def execute(connection: AnyConnection, statement: Statement[Any], values: Sequence[object]) -> int:
    """Give the number of rows touched."""
    if isinstance(connection, AsyncConnection):
        return cast("int", _touched_awaited(connection, statement, values))
    composition = statement.composition(values)
    try:
        with connection.lock:
            return _exchange(connection, composition, values)[1].command_tuples or 0
    except psycopg.Error as error:
        composition.note(error)
        raise


def _only(statement: Statement[T], rows: list[T]) -> T:
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise NoRow(statement.query)
    raise TooManyRows(statement.query, len(rows))


def _at_most_one(statement: Statement[T], rows: list[T]) -> T | None:
    if len(rows) > 1:
        raise TooManyRows(statement.query, len(rows))
    return rows[0] if rows else None


def _rows(
    connection: Connection[Any], statement: Statement[T], values: Sequence[object]
) -> list[T]:
    composition = statement.composition(values)
    try:
        # one call at a time, whichever threads they come from
        with connection.lock:
            ready, result = _exchange(connection, composition, values)
            return ready.rows(connection.pgconn, result)
    except psycopg.Error as error:
        composition.note(error)
        raise


def _exchange(
    connection: Connection[Any], composition: Composition[T], values: Sequence[object]
) -> tuple[Ready[T], PGresult]:
    """Send a call and wait for its result; most calls are one message, without any detour."""
    session = session_of(connection)
    pgconn = connection.pgconn
    refuse_pipeline(pgconn, composition)
    is_first = is_idle(pgconn)
    try:
        ready = send_now(connection, session, composition, values)
        if ready is None:
            return connection.wait(answer(connection, session, composition, values))
        if pgconn.pipeline_status:
            result = connection.wait(last_of_group(pgconn, _WITH_BEGIN))
        else:
            result = connection.wait(generators.execute(pgconn))[-1]
    except BaseException:
        # the driver ends what it waits for; between sending and waiting nobody does
        if pgconn.pipeline_status or pgconn.transaction_status == TransactionStatus.ACTIVE:
            pgconn.finish()
        raise
    if result.status in BAD or not (session.is_held(ready) or ready.matches(result)):
        steps = settle(connection, session, ready, result, values, is_first=is_first)
        return connection.wait(steps)
    return ready, result


async def _one_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> T:
    return _only(statement, await _rows_awaited(connection, statement, values))


async def _optional_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> T | None:
    return _at_most_one(statement, await _rows_awaited(connection, statement, values))


async def _rows_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> list[T]:
    composition = statement.composition(values)
    try:
        async with connection.lock:
            ready, result = await _exchange_awaited(connection, composition, values)
            return ready.rows(connection.pgconn, result)
    except psycopg.Error as error:
        composition.note(error)
        raise


async def _touched_awaited(
    connection: AsyncConnection[Any], statement: Statement[Any], values: Sequence[object]
) -> int:
    composition = statement.composition(values)
    try:
        async with connection.lock:
            _, result = await _exchange_awaited(connection, composition, values)
            return result.command_tuples or 0
    except psycopg.Error as error:
        composition.note(error)
        raise


async def _exchange_awaited(
    connection: AsyncConnection[Any], composition: Composition[T], values: Sequence[object]
) -> tuple[Ready[T], PGresult]:
    session = session_of(connection)
    pgconn = connection.pgconn
    refuse_pipeline(pgconn, composition)
    is_first = is_idle(pgconn)
    try:
        ready = send_now(connection, session, composition, values)
    except psycopg.Error:
        # the connection is lost, as far as anybody knows
        if pgconn.pipeline_status:
            pgconn.finish()
        raise
    if ready is None:
        return await connection.wait(answer(connection, session, composition, values))
    result = await awaited_result(connection, session)
    if result.status in BAD or not (session.is_held(ready) or ready.matches(result)):
        steps = settle(connection, session, ready, result, values, is_first=is_first)
        return await connection.wait(steps)
    return ready, result


async def awaited_result(connection: AsyncConnection[Any], session: ConnectionState) -> PGresult:
    """Wait for the result of a call that was sent, alone or after what begins the transaction."""
    pgconn = connection.pgconn
    reader = session.reader = reader_of(connection, session.reader)
    is_group = pgconn.pipeline_status
    if reader is None or pgconn.flush():
        # large values, which are sent bit by bit
        if is_group:
            return await connection.wait(last_of_group(pgconn, _WITH_BEGIN))
        results: list[PGresult] = await connection.wait(generators.execute(pgconn))
        return results[-1]
    try:
        return await (reader.group() if is_group else reader.result())
    except (asyncio.CancelledError, KeyboardInterrupt):
        if pgconn.transaction_status == TransactionStatus.ACTIVE:
            await _give_up(connection)
        raise


async def _give_up(connection: AsyncConnection[Any]) -> None:
    """End on the server what nobody waits for any more, or close the connection."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await connection.cancel_safe(timeout=_PATIENCE)
            await connection.wait(drained(connection.pgconn))
    except BaseException as error:
        # cancelled again, or the server does not answer: nobody knows what would come next
        connection.pgconn.finish()
        if not isinstance(error, Exception):
            raise
