"""Renew a lease in the background, until the work under it is done."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import TypeAlias

import psycopg

from dbkit.errors import DbkitError

Renew: TypeAlias = Callable[[], int]
"""A function that renews the lease, and returns 0 where it is lost."""
RenewAsync: TypeAlias = Callable[[], Awaitable[int]]

_LOG = logging.getLogger(__name__)
# so many heartbeats may fail before a lease runs out
_BEATS = 3


@contextmanager
def heartbeat(renew: Renew, *, lease: timedelta, work: str, lost: Event) -> Generator[None]:
    """Renew a lease three times within each lease, until the block ends; set `lost` if it is lost.

    A renewal that fails, because the server is away, is tried again. `work` names the work in the
    log.
    """
    is_over = Event()

    def beat() -> None:
        while not is_over.wait(lease.total_seconds() / _BEATS):
            try:
                renewed = renew()
            except (psycopg.Error, DbkitError, OSError) as error:
                _warn_failed(work, error)
                continue
            if not renewed:
                _lose(work, lost)
                return

    thread = Thread(target=beat, name=f"lease of {work}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@asynccontextmanager
async def heartbeat_async(
    renew: RenewAsync, *, lease: timedelta, work: str, lost: Event
) -> AsyncGenerator[None]:
    """Do what `heartbeat` does, in an event loop."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(lease.total_seconds() / _BEATS)
            try:
                renewed = await renew()
            except (psycopg.Error, DbkitError, OSError) as error:
                _warn_failed(work, error)
                continue
            if not renewed:
                _lose(work, lost)
                return

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _warn_failed(work: str, error: Exception) -> None:
    _LOG.warning("the lease on %s was not renewed: %s", work, error)


def _lose(work: str, lost: Event) -> None:
    _LOG.warning("the lease on %s is lost", work)
    lost.set()
