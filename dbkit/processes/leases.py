"""Renew a lease while the work lasts for which it was taken; tell a lost server from a failure."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import TypeAlias

import psycopg

from dbkit.errors import DbkitError

Renew: TypeAlias = Callable[[], object]
"""A function that renews the lease, and returns 0, False or None where it is lost."""
RenewAsync: TypeAlias = Callable[[], Awaitable[object]]

_LOG = logging.getLogger("dbkit.processes")
# so many renewals within a lease: two of them may fail
_BEATS = 3
# connection exceptions; the shutdown, the crash and the start of a server. 57014, a statement that
# was cancelled or took too long, is none of them
_AWAY = ("08", "57P")
_LONGEST_HOST = 200


@contextmanager
def heartbeat(
    renew: Renew, *, lease: timedelta, work: str, lost: Event | None = None
) -> Generator[Event]:
    """Renew a lease three times within each lease, until the block ends.

        with heartbeat(lambda: renew(database, mail), lease=lease, work="a mail") as lost:
            deliver(mail)
        if not lost.is_set(): ...

    `renew` is called from a thread of its own. When it returns nothing true, the lease is lost,
    somebody else may have the work, and `lost` is set. A renewal that fails, because the server is
    away, is tried again. `work` names the work in the log.
    """
    lost, is_over = lost or Event(), Event()

    def beat() -> None:
        while not is_over.wait(lease.total_seconds() / _BEATS):
            try:
                renewed = renew()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one may succeed
                _warn_failed(work, error)
                continue
            if not renewed:
                _lose(work, lost)
                return

    thread = Thread(target=beat, name=f"lease of {work}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        is_over.set()
        thread.join()


@asynccontextmanager
async def heartbeat_async(
    renew: RenewAsync, *, lease: timedelta, work: str, lost: Event | None = None
) -> AsyncGenerator[Event]:
    """Do what `heartbeat` does, in an event loop."""
    lost = lost or Event()

    async def beat() -> None:
        while True:
            await asyncio.sleep(lease.total_seconds() / _BEATS)
            try:
                renewed = await renew()
            except Exception as error:  # noqa: BLE001 - as above
                _warn_failed(work, error)
                continue
            if not renewed:
                _lose(work, lost)
                return

    task = asyncio.create_task(beat())
    try:
        yield lost
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def is_away(error: BaseException) -> bool:
    """Say whether it is the server or the way to it that failed, not the work."""
    if isinstance(error, psycopg.OperationalError):
        # what the server refuses for the statement's sake, as a deadlock, has another class
        return error.sqlstate is None or error.sqlstate.startswith(_AWAY)
    cause = error.__cause__
    return isinstance(error, DbkitError) and cause is not None and is_away(cause)


def worker_name() -> str:
    """Name this process among all workers, as a person looks for it: by its host and its id."""
    return f"{socket.gethostname()[:_LONGEST_HOST]}:{os.getpid()}"


def _warn_failed(work: str, error: Exception) -> None:
    _LOG.warning("the lease on %s was not renewed: %s", work, error)


def _lose(work: str, lost: Event) -> None:
    _LOG.warning("the lease on %s is lost", work)
    lost.set()
