"""Lend the wire of an async connection to code that blocks, in a thread of its own."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import AsyncConnection, Connection

T = TypeVar("T")


async def in_thread(connection: AsyncConnection[Any], work: Callable[[Connection[Any]], T]) -> T:
    """Have work done on the same session, its open transaction included.

    Nobody else uses the connection meanwhile, and the event loop goes on.
    """
    async with connection.lock:
        task = asyncio.create_task(asyncio.to_thread(_lend, connection, work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # the thread cannot be stopped, and until it ends the wire is its
            await asyncio.wait([task])
            raise


def _lend(connection: AsyncConnection[Any], work: Callable[[Connection[Any]], T]) -> T:
    pgconn = connection.pgconn
    handlers = pgconn.notice_handler, pgconn.notify_handler
    borrowed: Connection[Any] = Connection(pgconn)
    # the names it would give would be the other one's as well
    borrowed.prepare_threshold = None
    try:
        pgconn.notice_handler, pgconn.notify_handler = handlers
        return work(borrowed)
    finally:
        # the wire is not its own, so it is not to warn that it goes without closing it
        del borrowed.pgconn
