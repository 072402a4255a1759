"""Read the rows of a statement a portion at a time, from a cursor on the server."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.pq import TransactionStatus

from dbkit.errors import OutsideTransaction, Unreadable
from dbkit.runtime import observing
from dbkit.runtime.observing import ObservedCall, ObservedStream
from dbkit.runtime.ready import Ready
from dbkit.runtime.sessions import forget_stale, make_ready
from dbkit.runtime.statement import Statement
from dbkit.runtime.wire import AnyConnection, Steps, is_idle, plain, query, run, run_async

T = TypeVar("T")

_NUMBERS = count(1)


def stream(
    connection: AnyConnection,
    statement: Statement[T],
    values: Sequence[object],
    *,
    portion: int = 1000,
) -> "Stream[T]":
    """Give an iterator over the rows that holds no more than a portion of them.

    The cursor is opened by the first row asked for, and closed after the last, at the end of a
    `with` around the stream, or with the transaction it lives in.
    """
    if portion < 1:
        message = f"a portion has one row at least, not {portion}"
        raise ValueError(message)
    cursor = _Cursor(connection, statement, values, portion)
    if observing.observers:
        cursor.observed = ObservedStream("stream", connection, statement, values)
    if isinstance(connection, AsyncConnection):
        awaited = AsyncStream(connection, cursor)
        # both are typed as Stream here; `StreamFunction` has the two types that a caller sees
        return cast("Stream[T]", awaited)
    return Stream(connection, cursor)


class Stream(Generic[T]):
    """The rows of a statement, one after the other."""

    def __init__(self, connection: Connection[Any], cursor: "_Cursor[T]") -> None:
        self._connection = connection
        self._cursor = cursor

    def __iter__(self) -> Iterator[T]:
        while rows := self._fetch():
            yield from rows

    def _fetch(self) -> list[T]:
        observed = self._cursor.observed
        if observed is None:
            return run(self._connection, self._cursor.fetch())
        with observed:
            return self._cursor.counted(run(self._connection, self._cursor.fetch()), observed)

    def close(self) -> None:
        """Close the server's cursor before its end."""
        with self._cursor.closing():
            run(self._connection, self._cursor.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncStream(Generic[T]):
    """The rows of a statement, one after the other, awaited."""

    def __init__(self, connection: AsyncConnection[Any], cursor: "_Cursor[T]") -> None:
        self._connection = connection
        self._cursor = cursor

    async def __aiter__(self) -> AsyncIterator[T]:
        while rows := await self._fetch():
            for row in rows:
                yield row

    async def _fetch(self) -> list[T]:
        observed = self._cursor.observed
        if observed is None:
            return await run_async(self._connection, self._cursor.fetch())
        with observed:
            rows = await run_async(self._connection, self._cursor.fetch())
            return self._cursor.counted(rows, observed)

    async def close(self) -> None:
        """Close the server's cursor before its end."""
        with self._cursor.closing():
            await run_async(self._connection, self._cursor.close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class _Cursor(Generic[T]):
    """A cursor on the server, and how far it has been read."""

    def __init__(
        self,
        connection: AnyConnection,
        statement: Statement[T],
        values: Sequence[object],
        portion: int,
    ) -> None:
        self._connection = connection
        self._composition = statement.composition(values)
        self._values = self._composition.bound(values)
        self._portion = portion
        self._name = f"dbkit_stream_{next(_NUMBERS)}"
        self._ready: Ready[T] | None = None
        self._ended = False
        self._fetched = 0
        # how many characters are sent before the statement's own text
        self._shift = 0
        self.observed: ObservedCall | None = None

    def fetch(self) -> Steps[list[T]]:
        """Give the next portion of rows, none after the last."""
        if self._ended:
            return []
        try:
            if self._ready is None:
                self._ready = yield from self._declare()
            rows = yield from self._portion_of(self._ready)
        except psycopg.Error as error:
            self._ended = True
            forget_stale(self._connection, error)
            self._composition.note(error, shift=self._shift)
            raise
        if len(rows) < self._portion:
            yield from self.close()
        return rows

    def counted(self, rows: list[T], observed: ObservedCall) -> list[T]:
        """Note the rows of a portion, and whether another one may follow."""
        observed.rows += len(rows)
        observed.goes_on = not self._ended
        return rows

    def closing(self) -> AbstractContextManager[object]:
        """Give what ends the observed call, if there is one."""
        if self.observed is None or not self.observed.has_begun:
            return nullcontext()
        self.observed.goes_on = False
        return self.observed

    def close(self) -> Steps[None]:
        """Close the cursor, unless its transaction took it away already."""
        open_, self._ended = self._ready is not None and not self._ended, True
        pgconn = self._connection.pgconn
        if open_ and pgconn.transaction_status == TransactionStatus.INTRANS:
            yield from plain(pgconn, f"close {self._name}")

    def _declare(self) -> Steps[Ready[T]]:
        ready = yield from make_ready(self._connection, self._composition, renews=True)
        pgconn = self._connection.pgconn
        if is_idle(pgconn):
            raise OutsideTransaction(ready.statement.query)
        sent = ready.bind(self._values)
        prefix = f"declare {self._name} no scroll cursor for "
        text = prefix.encode() + ready.text
        self._shift = len(prefix)
        yield from query(pgconn, text, sent.values, ready.types, sent.formats, ready.result_format)
        self._shift = 0
        return ready

    def _portion_of(self, ready: Ready[T]) -> Steps[list[T]]:
        fetch = f"fetch forward {self._portion} from {self._name}".encode()
        result = yield from query(self._connection.pgconn, fetch, (), (), (), ready.result_format)
        ready.check(result)
        try:
            rows = ready.rows(self._connection.pgconn, result)
        except Unreadable as error:
            error.row += self._fetched
            raise
        self._fetched += len(rows)
        return rows
