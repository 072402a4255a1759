"""Wait on an event loop for the answers of one connection, without a task or a timer for each."""

import asyncio
import os
from typing import Any
from weakref import finalize

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from dbkit.runtime.wire import BAD, decisive, leave_pipeline

# the driver waits for the same data now and then; what nobody waits for so often has the end of
# the connection before it, or a notice
_MOST_UNEXPECTED = 16
_LOST = "the connection is lost"


class Reader:
    """Tells when the server has answered; it stays with the loop from call to call.

    It listens through a descriptor of its own: the driver adds and removes the connection's one
    whenever it waits itself.
    """

    __slots__ = ("_descriptor", "_is_listening", "_pgconn", "_unexpected", "_waiter", "loop")

    def __init__(self, connection: AsyncConnection[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._pgconn: PGconn = connection.pgconn
        self._waiter: asyncio.Future[None] | None = None
        self._unexpected = 0
        self._is_listening = False
        self._descriptor = os.dup(self._pgconn.socket)
        finalize(connection, _dispose, self)

    async def result(self) -> PGresult:
        """Wait for the last result of what was sent, up to where the server is ready again."""
        pgconn = self._pgconn
        last: PGresult | None = None
        while True:
            if pgconn.is_busy():
                try:
                    await self._readable()
                except psycopg.OperationalError:
                    # what the server said before it closed tells more
                    if last is not None and last.status in BAD:
                        break
                    raise
                continue
            result = pgconn.get_result()
            if result is None:
                break
            last = result
        self._tell_notices()
        if last is None:
            raise psycopg.OperationalError(_LOST)
        return last

    async def group(self) -> PGresult:
        """Wait for the results of a group, and give the last, or the first that failed."""
        pgconn = self._pgconn
        results: list[PGresult] = []
        while True:
            if pgconn.is_busy():
                try:
                    await self._readable()
                except psycopg.OperationalError:
                    if results and results[-1].status in BAD:
                        break
                    raise
                continue
            result = pgconn.get_result()
            if result is None:
                # the end of one message's answer
                if pgconn.status == ConnStatus.BAD:
                    break
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                leave_pipeline(pgconn)
                break
            results.append(result)
        self._tell_notices()
        if not results:
            raise psycopg.OperationalError(_LOST)
        return decisive(results)

    def _tell_notices(self) -> None:
        pgconn = self._pgconn
        while (notify := pgconn.notifies()) is not None:
            if pgconn.notify_handler is not None:
                pgconn.notify_handler(notify)

    async def _readable(self) -> None:
        self._unexpected = 0
        if not self._is_listening:
            self.loop.add_reader(self._descriptor, self._read)
            self._is_listening = True
        self._waiter = waiter = self.loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _read(self) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._unexpected += 1
            if self._unexpected > _MOST_UNEXPECTED:
                self._stop_listening()
            return
        try:
            self._pgconn.consume_input()
            if self._pgconn.is_busy():
                return
        except Exception as error:  # noqa: BLE001 - raised where the answer is awaited
            waiter.set_exception(error)
        else:
            waiter.set_result(None)

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


def _dispose(reader: Reader) -> None:
    """Close the reader of a connection that is gone, on the loop that it belongs to."""
    if reader.loop.is_closed() or not reader.loop.is_running():
        reader.close()
    else:
        reader.loop.call_soon_threadsafe(reader.close)


def reader_of(connection: AsyncConnection[Any], reader: Reader | None) -> Reader | None:
    """Return what waits on the running loop, made if it has to be; None where no loop can."""
    loop = asyncio.get_running_loop()
    if reader is not None:
        if reader.loop is loop:
            return reader
        # a loop that ended; another that runs in parallel would be a fault of the caller's
        reader.close()
    if not hasattr(loop, "add_reader") or type(loop).__name__ == "ProactorEventLoop":
        return None
    return Reader(connection, loop)
