"""Call a statement: the kinds of query, each for a blocking and for an async connection."""

import asyncio
from asyncio import get_running_loop
from collections.abc import Sequence
from typing import Any, Generic, NoReturn, TypeVar, cast

import psycopg
from psycopg import AsyncConnection, Connection, capabilities, generators
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.errors import NoRow, TooManyRows
from dbkit.runtime.folding import SharedConnection
from dbkit.runtime.readers import Take, expect_portions, loop_reader, poll_reader
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import (
    SESSION,
    ConnectionState,
    answer,
    refuse_pipeline,
    send_now,
    session_of,
    settle,
)
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import (
    BAD,
    AnyConnection,
    Steps,
    drained,
    hold_to_loop,
    in_pipeline,
    last_of_group,
)

T = TypeVar("T")

# so many seconds a server has to end what was cancelled
_PATIENCE = 5.0
# a class's attributes are slow to look up
_IDLE = TransactionStatus.IDLE
_ACTIVE = TransactionStatus.ACTIVE
# whether libpq can hand on some of the rows while others come
_HAS_PORTIONS = capabilities.has_stream_chunked()


def one(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> T:
    """Give the one row there is; none is `NoRow`, two are `TooManyRows`.

    On an `AsyncConnection` what this and the others give is awaited, as the signatures of a
    generated function and those of `runtime.awaited` tell.
    """
    if isinstance(connection, AsyncConnection):
        return cast("T", _one_awaited(connection, statement, values))
    ready, result = _call(connection, statement, values)
    rows = ready.rows(connection.pgconn, result)
    return rows[0] if len(rows) == 1 else _not_one(statement, rows)


def optional(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> T | None:
    """Give the row or None; two are `TooManyRows`."""
    if isinstance(connection, AsyncConnection):
        return cast("T", _optional_awaited(connection, statement, values))
    ready, result = _call(connection, statement, values)
    rows = ready.rows(connection.pgconn, result)
    return rows[0] if len(rows) == 1 else _no_row(statement, rows)


def many(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> list[T]:
    """Give all rows, as a list."""
    portions: _Portions[T] | None = _Portions(connection.pgconn) if _HAS_PORTIONS else None
    if isinstance(connection, AsyncConnection):
        return cast("list[T]", _many_awaited(connection, statement, values, portions))
    ready, result = _call(connection, statement, values, portions)
    return _all(connection, ready, result, portions)


def execute(connection: AnyConnection, statement: Statement[Any], values: Sequence[object]) -> int:
    """Give the number of rows touched."""
    if isinstance(connection, AsyncConnection):
        return cast("int", _execute_awaited(connection, statement, values))
    return _call(connection, statement, values)[1].command_tuples or 0


async def _one_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> T:
    ready, result = await _call_awaited(connection, statement, values)
    rows = ready.rows(connection.pgconn, result)
    return rows[0] if len(rows) == 1 else _not_one(statement, rows)


async def _optional_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> T | None:
    ready, result = await _call_awaited(connection, statement, values)
    rows = ready.rows(connection.pgconn, result)
    return rows[0] if len(rows) == 1 else _no_row(statement, rows)


async def _many_awaited(
    connection: AsyncConnection[Any],
    statement: Statement[T],
    values: Sequence[object],
    portions: "_Portions[T] | None",
) -> list[T]:
    ready, result = await _call_awaited(connection, statement, values, portions)
    return _all(connection, ready, result, portions)


async def _execute_awaited(
    connection: AsyncConnection[Any], statement: Statement[Any], values: Sequence[object]
) -> int:
    _, result = await _call_awaited(connection, statement, values)
    return result.command_tuples or 0


def _not_one(statement: Statement[T], rows: list[T]) -> NoReturn:
    if not rows:
        raise NoRow(statement.query)
    raise TooManyRows(statement.query, len(rows))


def _no_row(statement: Statement[T], rows: list[T]) -> T | None:
    if rows:
        raise TooManyRows(statement.query, len(rows))
    return None


def _all(
    connection: AnyConnection,
    ready: Ready[T],
    result: PGresult,
    portions: "_Portions[T] | None",
) -> list[T]:
    if portions is None:
        return ready.rows(connection.pgconn, result)
    return portions.all(ready, result)


class _Portions(Generic[T]):
    """The rows of one call, of which some are built while others are still to come."""

    __slots__ = ("_error", "_kept", "_pgconn", "_ready", "_rows")

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._rows: list[T] = []
        # what came with other columns than expected
        self._kept: list[PGresult] = []
        self._error: Exception | None = None
        # what reads them, known when the call is sent
        self._ready: Ready[T] | None = None

    def expect(self, ready: Ready[T]) -> Take:
        """Give what takes the portions of a call that was sent; in a group, the reader asks."""
        self._ready = ready
        if not self._pgconn.pipeline_status:
            expect_portions(self._pgconn)
        return self._take

    def _take(self, result: PGresult) -> None:
        """Build the rows of a portion; what is wrong with one is raised when all have come."""
        if self._ready is None or self._error is not None:
            return
        if not self._ready.matches(result):
            self._kept.append(result)
            return
        try:
            self._rows += self._ready.rows(self._pgconn, result, len(self._rows))
        except Exception as error:  # noqa: BLE001 - raised when the connection is at rest again
            self._error = error

    def all(self, ready: Ready[T], last: PGresult) -> list[T]:
        """Give all rows, those of the last result with them."""
        if self._error is not None:
            raise self._error
        for result in (*self._kept, last):
            self._rows += ready.rows(self._pgconn, result, len(self._rows))
        return self._rows


def _call(
    connection: Connection[Any],
    statement: Statement[T],
    values: Sequence[object],
    portions: _Portions[T] | None = None,
) -> tuple[Ready[T], PGresult]:
    """Send a call and wait for its result; most calls are one message, without any detour."""
    composition = statement.only or statement.composition(values)
    session: ConnectionState = connection.__dict__.get(SESSION) or session_of(connection)
    pgconn = connection.pgconn
    try:
        # one call at a time, whichever threads they come from
        with connection.lock:
            if pgconn.pipeline_status:
                refuse_pipeline(pgconn, composition)
            is_first = pgconn.transaction_status == _IDLE
            try:
                ready = send_now(connection, session, composition, values)
                if ready is None:
                    return connection.wait(answer(connection, session, composition, values))
                take = None if portions is None else portions.expect(ready)
                result = result_of(connection, session, take)
                if result.status in BAD or not (session.is_held(ready) or ready.matches(result)):
                    steps = settle(connection, session, ready, result, values, is_first=is_first)
                    return connection.wait(steps)
            except BaseException as error:
                if pgconn.pipeline_status or pgconn.transaction_status == _ACTIVE:
                    _give_up(connection, session, error)
                raise
            return ready, result
    except psycopg.Error as error:
        composition.note(error)
        raise


def result_of(
    connection: Connection[Any], session: ConnectionState, take: Take | None = None
) -> PGresult:
    """Wait for the result of a call that was sent, alone or after what begins the transaction."""
    pgconn = connection.pgconn
    reader = session.poll_reader
    if reader is None:
        reader = session.poll_reader = poll_reader(pgconn)
    if reader is None or pgconn.flush():
        # large values, which are sent bit by bit
        return _taken(connection.wait(_driven(pgconn)), take)
    return reader.result(take)


async def awaited_result(
    connection: AsyncConnection[Any], session: ConnectionState, take: Take | None = None
) -> PGresult:
    """Wait for the result of a call that was sent, alone or after what begins the transaction."""
    pgconn = connection.pgconn
    reader = session.loop_reader
    if reader is None or reader.loop is not get_running_loop():
        reader = session.loop_reader = loop_reader(connection, reader)
    if reader is None or pgconn.flush():
        return _taken(await connection.wait(_driven(pgconn)), take)
    reader.last = None
    while (result := reader.read(take)) is None:
        await reader.arrival()
    return result


def _driven(pgconn: PGconn) -> Steps[list[PGresult]]:
    return last_of_group(pgconn) if pgconn.pipeline_status else generators.execute(pgconn)


def _taken(results: list[PGresult], take: Take | None) -> PGresult:
    """Take all portions, and give the last result."""
    if take is not None:
        for result in results[:-1]:
            take(result)
    return results[-1]


def _give_up(connection: Connection[Any], session: ConnectionState, reason: BaseException) -> None:
    """End on the server what nobody waits for any more, or close the connection.

    The reason is Ctrl-C, or whatever a signal's handler raised; after an error of the driver's the
    connection is lost, as far as anybody knows.
    """
    reader = session.poll_reader
    try:
        if not isinstance(reason, psycopg.Error):
            connection.cancel_safe(timeout=_PATIENCE)
        # a signal comes at any moment: perhaps a group was not sent to its end
        if reader is None or isinstance(reason, psycopg.Error) or in_pipeline(connection.pgconn):
            connection.pgconn.finish()
            return
        reader.drain(_PATIENCE)
    except BaseException as error:
        # interrupted again, or the server does not answer: nobody knows what would come next
        connection.pgconn.finish()
        if not isinstance(error, Exception):
            raise


async def _call_awaited(
    connection: AsyncConnection[Any],
    statement: Statement[T],
    values: Sequence[object],
    portions: _Portions[T] | None = None,
) -> tuple[Ready[T], PGresult]:
    composition = statement.only or statement.composition(values)
    session: ConnectionState | None = connection.__dict__.get(SESSION)
    if session is None:
        if isinstance(connection, SharedConnection):
            return await connection.fold(composition, values)
        session = session_of(connection)
    # mostly it is the same loop, and nothing has to be called
    reader = session.loop_reader
    if reader is None or reader.loop is not get_running_loop():
        hold_to_loop(connection)
    pgconn = connection.pgconn
    try:
        # what `async with` does, without its two coroutines
        await connection.lock.acquire()
        try:
            if pgconn.pipeline_status:
                refuse_pipeline(pgconn, composition)
            is_first = pgconn.transaction_status == _IDLE
            try:
                ready = send_now(connection, session, composition, values)
                if ready is None:
                    return await connection.wait(answer(connection, session, composition, values))
                take = None if portions is None else portions.expect(ready)
                result = await awaited_result(connection, session, take)
                if result.status in BAD or not (session.is_held(ready) or ready.matches(result)):
                    steps = settle(connection, session, ready, result, values, is_first=is_first)
                    return await connection.wait(steps)
            except BaseException as error:
                if pgconn.pipeline_status or pgconn.transaction_status == _ACTIVE:
                    await _give_up_awaited(connection, error)
                raise
            return ready, result
        finally:
            connection.lock.release()
    except psycopg.Error as error:
        composition.note(error)
        raise


async def _give_up_awaited(connection: AsyncConnection[Any], reason: BaseException) -> None:
    """End on the server what nobody waits for any more, or close the connection."""
    if isinstance(reason, psycopg.Error):
        connection.pgconn.finish()
        return
    try:
        async with asyncio.timeout(_PATIENCE):
            await connection.cancel_safe(timeout=_PATIENCE)
            await connection.wait(drained(connection.pgconn))
    except BaseException as error:
        # cancelled again, or the server does not answer: nobody knows what would come next
        connection.pgconn.finish()
        if not isinstance(error, Exception):
            raise
