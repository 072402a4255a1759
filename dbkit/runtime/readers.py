"""Wait for the answers of one connection: blocking, or on an event loop, without the driver's way.

The driver waits through a generator and, on a loop, through a task and a timer for each answer.
"""

import asyncio
import os
import select
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import Context
from typing import Any
from weakref import finalize

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.runtime.ready import PORTION
from dbkit.runtime.wire import BAD, leave_pipeline

# takes a portion of the rows while more of them come
Take = Callable[[PGresult], None]

_CHUNK = ExecStatus.TUPLES_CHUNK
_SYNC = ExecStatus.PIPELINE_SYNC
_BROKEN = ConnStatus.BAD
# the driver waits for the same data now and then; what nobody waits for so often has the end of
# the connection before it, or a notice
_MOST_UNEXPECTED = 16


class Reader:
    """Reads the answer to a call, alone or in a group with what begins its transaction."""

    __slots__ = ("_pgconn", "last")

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn: PGconn = pgconn
        # the last result that came, or the one that failed; none when a call is sent
        self.last: PGresult | None = None

    def read(self, take: Take | None = None) -> PGresult | None:
        """Read what has come: None until it is the whole answer, with the connection at rest."""
        pgconn = self._pgconn
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                # in a group, the end of one message's answer
                if pgconn.pipeline_status and _goes_on(pgconn, self.last, take):
                    continue
                return self._ended()
            if result.status == _SYNC:
                leave_pipeline(pgconn)
                return self._ended()
            if self.last is None or self.last.status not in BAD:
                self.last = result
            if take is not None and result.status == _CHUNK:
                take(result)
        return None

    def _ended(self) -> PGresult:
        pgconn = self._pgconn
        # what was notified beside the answer
        while (notify := pgconn.notifies()) is not None:
            if pgconn.notify_handler is not None:
                pgconn.notify_handler(notify)
        last, self.last = self.last, None
        if last is None:
            message = "the connection is lost"
            raise psycopg.OperationalError(message)
        return last


def read_input(pgconn: PGconn, last: PGresult | None) -> None:
    """Read what the server sent.

    An error that it sent before it closed the connection tells more than the end of that.
    """
    try:
        pgconn.consume_input()
    except psycopg.OperationalError:
        if last is not None and last.status in BAD:
            raise error_from_result(last) from None
        raise


class PollReader(Reader):
    """Waits for the answers of a blocking connection; a signal is handled while it waits."""

    __slots__ = ("_poll",)

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        poll = select.poll()
        poll.register(pgconn.socket, select.POLLIN)
        self._poll = poll.poll

    def result(self, take: Take | None = None) -> PGresult:
        """Wait for the result of a call."""
        self.last = None
        while (result := self.read(take)) is None:
            self._poll()
            read_input(self._pgconn, self.last)
        return result

    def drain(self, seconds: float) -> None:
        """Read what is still to come, in so many seconds."""
        pgconn = self._pgconn
        ends = time.monotonic() + seconds
        while pgconn.transaction_status == TransactionStatus.ACTIVE:
            if not pgconn.is_busy():
                pgconn.get_result()
            elif self._poll(max(0, ends - time.monotonic()) * 1000):
                pgconn.consume_input()
            else:
                message = f"the server has not answered for {seconds} s"
                raise psycopg.OperationalError(message)


class LoopReader(Reader):
    """Waits for the answers of an async connection; it stays with the loop from call to call.

    It listens through a descriptor of its own: the driver adds and removes the connection's one
    whenever it waits itself.
    """

    __slots__ = ("_arrival", "_descriptor", "_is_listening", "_unexpected", "loop")

    def __init__(self, connection: AsyncConnection[Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(connection.pgconn)
        self.loop = loop
        self._arrival = _Arrival(loop)
        self._unexpected = 0
        self._is_listening = False
        self._descriptor = os.dup(self._pgconn.socket)
        finalize(connection, _dispose, self)

    def arrival(self) -> "_Arrival":
        """Give what is awaited until more has come."""
        if not self._is_listening:
            self.loop.add_reader(self._descriptor, self._read)
            self._is_listening = True
        self._unexpected = 0
        return self._arrival

    def _read(self) -> None:
        if self._arrival.wake is None:
            self._unexpected += 1
            if self._unexpected > _MOST_UNEXPECTED:
                self._stop_listening()
            return
        try:
            read_input(self._pgconn, self.last)
            if self._pgconn.is_busy():
                return
        except Exception as error:  # noqa: BLE001 - raised where the answer is awaited
            self._arrival.come(error)
        else:
            self._arrival.come()

    def _stop_listening(self) -> None:
        if self._is_listening:
            self._is_listening = False
            self.loop.remove_reader(self._descriptor)
        if self._pgconn.status == ConnStatus.BAD:
            self.close()

    def close(self) -> None:
        """Give the descriptor back, and with it what is left of the connection."""
        if self._is_listening and not self.loop.is_closed():
            self.loop.remove_reader(self._descriptor)
        self._is_listening = False
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Arrival:
    """What a task awaits until data arrives; it goes on at once when that has come.

    A future would have it wait for one more turn of the loop, which is a tenth of what a call
    costs. The attributes and methods are what a task asks of anything that it awaits.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        # goes on with the task that waits, in its context
        self.wake: Callable[[_Arrival], object] | None = None
        self._context: Context | None = None
        self._error: BaseException | None = None

    def come(self, error: BaseException | None = None) -> None:
        """Go on with the task that waits, which gets the error if there is one."""
        wake, self.wake = self.wake, None
        self._error = error
        if wake is not None and self._context is not None:
            self._context.run(wake, self)

    def __await__(self) -> Generator["_Arrival", None, None]:
        self._error = None
        self._asyncio_future_blocking = True
        yield self
        self.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Tell the task that it waits on its own loop."""
        return self._loop

    def add_done_callback(self, wake: Callable[["_Arrival"], object], *, context: Context) -> None:
        """Take what goes on with the task."""
        self.wake, self._context = wake, context

    def cancel(self, msg: object = None) -> bool:
        """Have the task go on with its cancellation, at the loop's next turn."""
        wake, self.wake = self.wake, None
        if wake is None:
            return False
        self._error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._loop.call_soon(wake, self, context=self._context)
        return True

    def result(self) -> None:
        """Raise what the task is to get instead of an answer."""
        error, self._error = self._error, None
        if error is not None:
            raise error


def _dispose(reader: LoopReader) -> None:
    """Close the reader of a connection that is gone, on the loop that it belongs to."""
    if reader.loop.is_closed() or not reader.loop.is_running():
        reader.close()
    else:
        reader.loop.call_soon_threadsafe(reader.close)


def _goes_on(pgconn: PGconn, last: PGresult | None, take: Take | None) -> bool:
    """Whether a group goes on after the answer of one message, which has come."""
    if pgconn.status == _BROKEN:
        return False
    if take is not None and last is not None and last.status not in BAD:
        expect_portions(pgconn)
    return True


def expect_portions(pgconn: PGconn) -> None:
    """Have the rows of what is answered next come in portions, if libpq can do that."""
    with suppress(psycopg.NotSupportedError, psycopg.OperationalError):
        pgconn.set_chunked_rows_mode(PORTION)


def poll_reader(pgconn: PGconn) -> PollReader | None:
    """Make what waits for a blocking connection; None where the system has no `poll`."""
    return PollReader(pgconn) if hasattr(select, "poll") else None


def loop_reader(connection: AsyncConnection[Any], before: LoopReader | None) -> LoopReader | None:
    """Make what waits on the running loop, instead of another; None where no loop can."""
    if before is not None:
        # of a loop that ended; another that runs in parallel would be a fault of the caller's
        before.close()
    loop = asyncio.get_running_loop()
    if not hasattr(loop, "add_reader") or type(loop).__name__ == "ProactorEventLoop":
        return None
    return LoopReader(connection, loop)
