"""Call a statement: the kinds of query, each for a blocking and for an async connection."""

import asyncio
from asyncio import get_running_loop
from collections.abc import Iterable, Sequence
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar, cast

import psycopg
from psycopg import AsyncConnection, Connection, capabilities, generators
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.errors import InsidePipeline, NoRow, TooManyRows
from dbkit.runtime import observing
from dbkit.runtime.compiled import Answer
from dbkit.runtime.folding import SharedConnection
from dbkit.runtime.observing import CallKind, ObservedCall
from dbkit.runtime.readers import (
    LoopReader,
    Take,
    expect_portions,
    loop_reader,
    poll_reader,
    read_input,
)
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
from dbkit.runtime.statement import Composition, Statement
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
_ACTIVE = TransactionStatus.ACTIVE
# whether libpq can hand on some of the rows while others come
_HAS_PORTIONS = capabilities.has_stream_chunked()
# of each kind, whether some rows are read while others come; None where none are wanted
_PORTIONS: dict[CallKind, bool | None] = {
    "one": False,
    "optional": False,
    "many": _HAS_PORTIONS,
    "exec": None,
}


def one(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> T:
    """Give the one row there is; none is `NoRow`, two are `TooManyRows`.

    On an `AsyncConnection` what this and the others give is awaited, as the signatures of a
    generated function and those of `runtime.awaited` tell.
    """
    if observing.observers:
        return cast("T", _observed("one", connection, statement, values))
    if isinstance(connection, AsyncConnection):
        return cast("T", _one_awaited(connection, statement, values))
    rows = _rows(_call(connection, statement, values), connection)
    return rows[0] if len(rows) == 1 else _not_one(statement, rows)


def optional(
    connection: AnyConnection, statement: Statement[T], values: Sequence[object]
) -> T | None:
    """Give the row or None; two are `TooManyRows`."""
    if observing.observers:
        return cast("T | None", _observed("optional", connection, statement, values))
    if isinstance(connection, AsyncConnection):
        return cast("T", _optional_awaited(connection, statement, values))
    rows = _rows(_call(connection, statement, values), connection)
    return rows[0] if len(rows) == 1 else _no_row(statement, rows)


def many(connection: AnyConnection, statement: Statement[T], values: Sequence[object]) -> list[T]:
    """Give all rows, as a list."""
    if observing.observers:
        return cast("list[T]", _observed("many", connection, statement, values))
    if isinstance(connection, AsyncConnection):
        return cast("list[T]", _many_awaited(connection, statement, values))
    return _rows(_call(connection, statement, values, in_portions=_HAS_PORTIONS), connection)


def execute(connection: AnyConnection, statement: Statement[Any], values: Sequence[object]) -> int:
    """Give the number of rows touched."""
    if observing.observers:
        return cast("int", _observed("exec", connection, statement, values))
    if isinstance(connection, AsyncConnection):
        return cast("int", _execute_awaited(connection, statement, values))
    return _touched(_call(connection, statement, values, in_portions=None))


def _observed(
    kind: CallKind,
    connection: AnyConnection,
    statement: Statement[Any],
    values: Sequence[object],
) -> Any:  # noqa: ANN401 - as the kind has it
    """Make a call that observers are told of."""
    observed = ObservedCall(kind, connection, statement, values)
    if isinstance(connection, AsyncConnection):
        return _observed_awaited(observed, connection, statement, values)
    with observed:
        called = _call(connection, statement, values, in_portions=_PORTIONS[kind])
        return _result(observed, connection, statement, called)


async def _observed_awaited(
    observed: ObservedCall,
    connection: AsyncConnection[Any],
    statement: Statement[Any],
    values: Sequence[object],
) -> object:
    with observed:
        portions = _PORTIONS[observed.kind]
        called = await _call_awaited(connection, statement, values, in_portions=portions)
        return _result(observed, connection, statement, called)


def _result(
    observed: ObservedCall,
    connection: AnyConnection,
    statement: Statement[Any],
    called: "_Called[Any]",
) -> object:
    if observed.kind == "exec":
        observed.rows = _touched(called)
        return observed.rows
    rows = _rows(called, connection)
    observed.rows = len(rows)
    if observed.kind == "many":
        return rows
    if len(rows) == 1:
        return rows[0]
    return (_not_one if observed.kind == "one" else _no_row)(statement, rows)


async def _one_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> T:
    rows = _rows(await _call_awaited(connection, statement, values), connection)
    return rows[0] if len(rows) == 1 else _not_one(statement, rows)


async def _optional_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> T | None:
    rows = _rows(await _call_awaited(connection, statement, values), connection)
    return rows[0] if len(rows) == 1 else _no_row(statement, rows)


async def _many_awaited(
    connection: AsyncConnection[Any], statement: Statement[T], values: Sequence[object]
) -> list[T]:
    called = await _call_awaited(connection, statement, values, in_portions=_HAS_PORTIONS)
    return _rows(called, connection)


async def _execute_awaited(
    connection: AsyncConnection[Any], statement: Statement[Any], values: Sequence[object]
) -> int:
    return _touched(await _call_awaited(connection, statement, values, in_portions=None))


def _not_one(statement: Statement[T], rows: list[T]) -> NoReturn:
    if not rows:
        raise NoRow(statement.query)
    raise TooManyRows(statement.query, len(rows))


def _no_row(statement: Statement[T], rows: list[T]) -> T | None:
    if rows:
        raise TooManyRows(statement.query, len(rows))
    return None


# a statement, the last result of a call, and the rows that were read on the way: None where all
# are in the result; a class of its own would cost a call more
_Read: TypeAlias = tuple[Ready[T], PGresult, "_Portions[T] | Answer | None"]
# mostly, all rows were read in C
_Called: TypeAlias = list[T] | _Read[T]


def _rows(called: _Called[T], connection: AnyConnection) -> list[T]:
    """Give all rows of a call."""
    if isinstance(called, list):
        return called
    ready, result, read = called
    if read is None:
        return ready.rows(connection.pgconn, result)
    if isinstance(read, _Portions):
        return read.all(ready, result)
    rows: list[T] = read.rows
    for unread in read.unread or ():
        rows += ready.rows(connection.pgconn, unread, len(rows))
    return rows


def _touched(called: _Called[Any]) -> int:
    """Give the number of rows that a call touched which wanted no rows."""
    _, last, _ = called
    return last.command_tuples or 0


class _Portions(Generic[T]):
    """The rows of one call, of which some are built while others are still to come."""

    __slots__ = ("_error", "_held", "_kept", "_pgconn", "_ready", "_rows")

    def __init__(self, pgconn: PGconn, kept: Iterable[PGresult] = ()) -> None:
        self._pgconn = pgconn
        self._rows: list[T] = []
        # what is read when the connection is at rest: it came with other columns than expected,
        # or code of the caller's runs for each row
        self._kept: list[PGresult] = [*kept]
        self._error: Exception | None = None
        # what reads them, known when the call is sent
        self._ready: Ready[T] | None = None
        # whether the server holds them to columns that were compared
        self._held = False

    def expect(self, ready: Ready[T], *, held: bool) -> Take:
        """Give what takes the portions of a call that was sent; in a group, the reader asks."""
        self._ready = ready
        self._held = held
        if not self._pgconn.pipeline_status:
            expect_portions(self._pgconn)
        return self._take

    def _take(self, result: PGresult) -> None:
        """Build the rows of a portion; what is wrong with one is raised when all have come."""
        if self._ready is None or self._error is not None:
            return
        if self._ready.calls_out or not (self._held or self._ready.matches(result)):
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
    *,
    in_portions: bool | None = False,
) -> _Called[T]:
    """Send a call and wait for its result; most calls are one message, without any detour.

    With `in_portions` None, no rows are wanted.
    """
    composition = statement.only or statement.composition(values)
    session: ConnectionState = connection.__dict__.get(SESSION) or session_of(connection)
    pgconn = connection.pgconn
    try:
        # one call at a time, whichever threads they come from
        with connection.lock:
            try:
                ready: Ready[T] | None = session.ready.get(composition.number)
                if ready is not None and ready.straight is not None and not session.gone:
                    came = ready.straight.call(connection, pgconn, values, in_portions)
                    if isinstance(came, list):
                        return came
                    if came is not None:
                        while not came.is_whole and not came.read(True):
                            read_input(pgconn, came.last)
                        if came.is_good:
                            return ready, came.last, came
                        steps = _settle_straight(connection, session, ready, values, came)
                        return *connection.wait(steps), _unread(pgconn, came)
                return _call_from_python(
                    connection, session, composition, values, in_portions=in_portions
                )
            except InsidePipeline:
                raise
            except BaseException as error:
                if pgconn.pipeline_status or pgconn.transaction_status == _ACTIVE:
                    _give_up(connection, session, error)
                raise
    except psycopg.Error as error:
        composition.note(error)
        raise


def _call_from_python(
    connection: Connection[Any],
    session: ConnectionState,
    composition: Composition[T],
    values: Sequence[object],
    *,
    in_portions: bool | None,
) -> _Read[T]:
    """Send a call that C does not send, or that needs more than itself."""
    pgconn = connection.pgconn
    refuse_pipeline(pgconn, composition)
    ready = send_now(connection, session, composition, values)
    if ready is None:
        return *connection.wait(answer(connection, session, composition, values)), None
    portions = _Portions[T](pgconn) if in_portions else None
    take = None if portions is None else portions.expect(ready, held=session.held)
    result = result_of(connection, session, take)
    if result.status in BAD or not (session.held or ready.matches(result)):
        is_first = session.was_outside
        steps = settle(connection, session, ready, result, values, is_first=is_first)
        return *connection.wait(steps), portions
    return ready, result, portions


def _settle_straight(
    connection: AnyConnection,
    session: ConnectionState,
    ready: Ready[T],
    values: Sequence[object],
    came: Answer,
) -> Steps[tuple[Ready[T], PGresult]]:
    return settle(connection, session, ready, came.last, values, is_first=came.was_outside)


def _unread(pgconn: PGconn, came: Answer) -> _Portions[Any]:
    """Give what came of the rows before the last result."""
    return _Portions(pgconn, [each for each in came.unread or () if each is not came.last])


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
    reader = _listener(connection, session)
    if reader is None or pgconn.flush():
        return _taken(await connection.wait(_driven(pgconn)), take)
    reader.last = None
    while (result := reader.read(take)) is None:
        await reader.arrival()
    return result


def _listener(connection: AsyncConnection[Any], session: ConnectionState) -> LoopReader | None:
    """Give what listens on the running loop; None where no loop can."""
    reader = session.loop_reader
    if reader is None or reader.loop is not get_running_loop():
        reader = session.loop_reader = loop_reader(connection, reader)
    return reader


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
    try:
        reader = session.poll_reader or poll_reader(connection.pgconn)
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


async def _call_awaited(  # noqa: C901, PLR0912 - each way out saves most calls a coroutine
    connection: AsyncConnection[Any],
    statement: Statement[T],
    values: Sequence[object],
    *,
    in_portions: bool | None = False,
) -> _Called[T]:
    composition = statement.only or statement.composition(values)
    session: ConnectionState | None = connection.__dict__.get(SESSION)
    if session is None:
        if isinstance(connection, SharedConnection):
            return *await connection.fold(composition, values), None
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
            listener = _listener(connection, session)
            ready: Ready[T] | None = session.ready.get(composition.number)
            if listener and ready is not None and ready.straight is not None and not session.gone:
                came = ready.straight.send(connection, pgconn, values, in_portions)
                if came is not None:
                    while not came.read(False):
                        listener.last = came.last
                        await listener.arrival()
                    if came.is_good:
                        if came.unread is None and in_portions is not None:
                            return came.rows
                        return ready, came.last, came
                    steps = _settle_straight(connection, session, ready, values, came)
                    return *await connection.wait(steps), _unread(pgconn, came)
            return await _call_from_python_awaited(
                connection, session, composition, values, in_portions=in_portions
            )
        except InsidePipeline:
            raise
        except BaseException as error:
            if pgconn.pipeline_status or pgconn.transaction_status == _ACTIVE:
                await _give_up_awaited(connection, error)
            raise
        finally:
            connection.lock.release()
    except psycopg.Error as error:
        composition.note(error)
        raise


async def _call_from_python_awaited(
    connection: AsyncConnection[Any],
    session: ConnectionState,
    composition: Composition[T],
    values: Sequence[object],
    *,
    in_portions: bool | None,
) -> _Read[T]:
    pgconn = connection.pgconn
    refuse_pipeline(pgconn, composition)
    ready = send_now(connection, session, composition, values)
    if ready is None:
        return *await connection.wait(answer(connection, session, composition, values)), None
    portions = _Portions[T](pgconn) if in_portions else None
    take = None if portions is None else portions.expect(ready, held=session.held)
    result = await awaited_result(connection, session, take)
    if result.status in BAD or not (session.held or ready.matches(result)):
        is_first = session.was_outside
        steps = settle(connection, session, ready, result, values, is_first=is_first)
        return *await connection.wait(steps), portions
    return ready, result, portions


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
