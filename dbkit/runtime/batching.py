"""Run one statement for many sets of values, without waiting for each answer."""

import sys
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Generic, TypeVar

import psycopg
from psycopg import generators
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.waiting import WAIT_R

from dbkit.errors import Drifted
from dbkit.runtime import observing
from dbkit.runtime.columns import Calls, Columns, Values
from dbkit.runtime.compiled import COMPILED
from dbkit.runtime.observing import ObservedCall
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import forget_stale, make_ready, retyped
from dbkit.runtime.statement import Composition, Statement
from dbkit.runtime.wire import BAD, AnyConnection, Steps, good, is_idle, leave_pipeline, run

T = TypeVar("T")

_INTERRUPTIONS = (KeyboardInterrupt, CancelledError)
_SAVEPOINT = (b"savepoint dbkit_batch",)
_RELEASE = (b"release savepoint dbkit_batch",)
_TO_SAVEPOINT = (b"rollback to savepoint dbkit_batch", *_RELEASE)
# outside a transaction, what is sent before the sync is one, but PostgreSQL warns that none is open
_ROLLBACK = (
    b"select pg_catalog.set_config('client_min_messages', 'error', true)",
    b"rollback",
)


def batch(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> int:
    """Give the number of rows touched by all sets together; if one fails, none is done."""
    if observing.observers:
        observed = ObservedCall("batch", connection, statement)
        counted = observed.counting(sets)
        return observed.run(connection, _touched(connection, statement, counted))
    return run(connection, _touched(connection, statement, sets))


def batch_rows(
    connection: AnyConnection, statement: Statement[T], sets: Iterable[Sequence[object]]
) -> list[T]:
    """Give the rows of all sets, in their order; if one fails, none is done."""
    if observing.observers:
        observed = ObservedCall("batch", connection, statement)
        counted = observed.counting(sets)
        return observed.run(connection, _rows(connection, statement, counted))
    return run(connection, _rows(connection, statement, sets))


def _touched(
    connection: AnyConnection, statement: Statement[Any], sets: Iterable[Sequence[object]]
) -> Steps[int]:
    touched = 0

    def take(_: Ready[Any], result: PGresult) -> None:
        nonlocal touched
        touched += result.command_tuples or 0

    composition, sets = composed(statement, sets)
    yield from _Batch(connection, composition, take).run(sets)
    return touched


def _rows(
    connection: AnyConnection, statement: Statement[T], sets: Iterable[Sequence[object]]
) -> Steps[list[T]]:
    rows: list[T] = []

    def take(ready: Ready[T], result: PGresult) -> None:
        rows.extend(ready.rows(connection.pgconn, result))

    composition, sets = composed(statement, sets)
    yield from _Batch(connection, composition, take).run(sets)
    return rows


def composed(
    statement: Statement[T], sets: Iterable[Sequence[object]]
) -> tuple[Composition[T], Iterable[Sequence[object]]]:
    """Return the text for many sets, which all have the optional parts of the first."""
    remaining = iter(sets)
    head = list(islice(remaining, 1))
    composition = statement.composition(head[0] if head else None)
    return composition, chain(head, remaining)


class _Interrupted(BaseException):
    """The caller was interrupted while it waited."""


class _Batch(Generic[T]):
    """The sets of one call on their way: a portion is sent while the one before is answered.

    Nothing is done for good before the last message, which is sent after the last set is written.
    Whatever goes wrong before takes back what was done.
    """

    def __init__(
        self,
        connection: AnyConnection,
        composition: Composition[T],
        take: Callable[[Ready[T], PGresult], None],
    ) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._composition = composition
        self._take = take
        # an interruption that the caller handles already is not one of this batch
        self._handled = sys.exc_info()[1]
        # the sets taken as long as none is answered: they may have to be sent again
        self._kept: list[Values] | None = []
        self._has_savepoint = False
        self._is_complete = False
        # answers to come before that of the first set
        self._before = 0
        self._sent = 0
        self._answered = 0

    def run(self, sets: Iterable[Values]) -> Steps[None]:
        """Send the sets and take their answers."""
        is_first = is_idle(self._pgconn)
        remaining = iter(sets)
        ready: Ready[T] | None = None
        try:
            try:
                ready = yield from make_ready(self._connection, self._composition, renews=True)
                yield from self._pipelined(ready, self._keeping(remaining))
            except (psycopg.Error, Drifted) as error:
                if self._kept is None or not (
                    yield from retyped(self._connection, ready, error, is_first=is_first)
                ):
                    raise
                again, self._kept, self._sent, self._answered = self._kept, None, 0, 0
                ready = yield from make_ready(self._connection, self._composition)
                yield from self._pipelined(ready, chain(again, remaining))
        except psycopg.Error as error:
            forget_stale(self._connection, error)
            what = f", set {self._answered}" if 0 < self._answered <= self._sent else ""
            self._composition.note(error, what=what)
            raise

    def _keeping(self, sets: Iterable[Values]) -> Iterable[Values]:
        for values in sets:
            if self._kept is not None:
                self._kept.append(values)
            yield values

    def _pipelined(self, ready: Ready[T], sets: Iterable[Values]) -> Steps[None]:
        columns = Columns(self._composition, ready)
        portions = iter(columns.portions(sets))
        portion = next(portions, None)
        if portion is None:
            return
        calls = columns.calls(*portion)
        portion = next(portions, None)
        # if all is sent at once and gives no rows, nothing can go wrong on this side any more
        is_risky = portion is not None or bool(ready.columns)
        self._has_savepoint = is_risky and not is_idle(self._pgconn)
        self._pgconn.enter_pipeline_mode()
        try:
            self._open(ready)
            self._call(ready, calls)
            while portion is not None:
                answered = self._sent
                yield from self._flush()
                calls = columns.calls(*portion)
                portion = next(portions, None)
                self._call(ready, calls)
                yield from self._read(ready, answered)
            yield from self._complete(ready)
        except GeneratorExit:
            self._pgconn.finish()
            raise
        except BaseException as error:
            with suppress(psycopg.Error):
                yield from self._give_up()
            # the caller raises what interrupted it
            if not isinstance(error, _Interrupted):
                raise
        finally:
            leave_pipeline(self._pgconn)

    def _open(self, ready: Ready[T]) -> None:
        if self._has_savepoint:
            self._send(_SAVEPOINT)
        self._pgconn.send_prepare(b"", ready.text, ready.types)
        self._before = 1 + self._has_savepoint

    def _call(self, ready: Ready[T], calls: Calls) -> None:
        if isinstance(calls, bytearray):
            self._send_written(ready, calls)
            return
        send, result_format = self._pgconn.send_query_prepared, ready.result_format
        sent = self._sent
        for values, formats in calls:
            send(b"", values, formats, result_format)
            sent += 1
        self._sent = sent

    def _send_written(self, ready: Ready[T], calls: bytearray) -> None:
        assert COMPILED is not None  # noqa: S101 - it wrote them
        sent, failed = COMPILED.send_sets(self._pgconn, calls, ready.result_format)
        self._sent += sent
        if failed:
            raise psycopg.OperationalError(self._pgconn.get_error_message())

    def _complete(self, ready: Ready[T]) -> Steps[None]:
        if ready.columns:
            # other columns, or a null in one, are to be noticed before anything is done for good
            yield from self._flush()
            yield from self._read(ready, self._sent)
        if self._has_savepoint:
            self._send(_RELEASE)
        self._pgconn.pipeline_sync()
        self._is_complete = True
        yield from generators.send(self._pgconn)
        yield from self._read(ready, sys.maxsize)

    def _send(self, texts: Iterable[bytes]) -> None:
        for text in texts:
            self._pgconn.send_query_params(text, None)

    def _flush(self) -> Steps[None]:
        """Send what is written, and have the server send the answers that it has."""
        self._pgconn.send_flush_request()
        yield from generators.send(self._pgconn)
        self._refuse_interruption()

    def _read(self, ready: Ready[T], count: int) -> Steps[None]:
        """Take answers until those of so many sets are there, or all."""
        pgconn = self._pgconn
        is_busy, get_result = pgconn.is_busy, pgconn.get_result
        while self._answered < count:
            if is_busy():
                yield from self._wait()
                self._refuse_interruption()
                continue
            result = get_result()
            if result is None:
                message = "the connection is lost"
                raise psycopg.OperationalError(message)
            if result.status == ExecStatus.PIPELINE_SYNC:
                return
            if self._before:
                self._before -= 1
                good(result)
            else:
                self._answered += 1
                if result.status in BAD:
                    raise error_from_result(result)
                if self._answered <= self._sent:
                    if self._answered == 1:
                        # the server holds the statement to these columns from now on
                        ready.check(result)
                        self._kept = None
                    self._take(ready, result)
            # each answer is followed by a None, without waiting
            get_result()

    def _wait(self) -> Steps[None]:
        while not (yield WAIT_R):
            pass
        self._pgconn.consume_input()

    def _refuse_interruption(self) -> None:
        """Give up if the caller was interrupted: it has the server cancel, and waits once more."""
        raised = sys.exc_info()[1]
        if isinstance(raised, _INTERRUPTIONS) and raised is not self._handled:
            raise _Interrupted

    def _give_up(self) -> Steps[None]:
        """Take back what was sent, and read what is still to come."""
        pgconn = self._pgconn
        if pgconn.status == ConnStatus.BAD:
            return
        if not self._is_complete:
            self._send(_TO_SAVEPOINT if self._has_savepoint else _ROLLBACK)
            pgconn.pipeline_sync()
        yield from generators.send(pgconn)
        while True:
            if pgconn.is_busy():
                yield from self._wait()
            elif (result := pgconn.get_result()) is not None:
                if result.status == ExecStatus.PIPELINE_SYNC:
                    return
            elif pgconn.status == ConnStatus.BAD:
                return
