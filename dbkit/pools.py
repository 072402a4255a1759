"""Open a database for a program that runs for long: a pool of connections that are lent out."""

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
)
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, replace
from functools import partial
from random import random
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack

from psycopg import AsyncConnection, Connection
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from dbkit.database import Prepare, connect, libpq_url, set_prepare_mode
from dbkit.transactions import Options, async_transaction, transaction

T = TypeVar("T")

_LONGEST_PAUSE = 1.0
_SHORTEST_PAUSE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many connections a pool keeps, and for how long."""

    # the number of connections that are opened at once and kept open
    min_size: int = 1
    # the maximum number of connections; a caller that finds all of them in use waits
    max_size: int = 10
    # after so many seconds a connection is replaced by a new one
    max_lifetime: float = 3600
    # a connection that was idle for so many seconds is closed, down to min_size
    max_idle: float = 600
    # whether a connection is tested before it is lent, and replaced if it is broken
    checked: bool = True
    # so many seconds a caller waits for a connection before it gets an error
    timeout: float = 30


# for steady load: 5 connections always, up to 25, idle ones closed after half an hour
STEADY = Sizes(min_size=5, max_size=25, max_lifetime=3600, max_idle=1800)
# for load that comes in bursts: 10 connections always, 20 more that are closed after a minute
OVERFLOWING = Sizes(min_size=10, max_size=30, max_lifetime=3600, max_idle=60)


class SizeChanges(TypedDict, total=False):
    """The fields of `Sizes` that a caller sets by name."""

    min_size: int
    max_size: int
    max_lifetime: float
    max_idle: float
    checked: bool
    timeout: float


def open_database(
    url: str,
    sizes: Sizes | None = None,
    *,
    prepare: Prepare = "auto",
    **changes: Unpack[SizeChanges],
) -> "Database":
    """Open a database; call `close()` when the program ends, or use it in a `with`.

    `sizes` is `STEADY`, `OVERFLOWING` or a `Sizes` of your own. Each of its fields can be set
    by name instead: `open_database(url, STEADY, max_size=50)`. `prepare` says whether statements
    are prepared by name: "auto", if no pooler stands between, "always" or "never".
    """
    # a wrong URL is an error now; the pool would only tell of it by a timeout
    connect(url).close()
    sizes = replace(sizes or Sizes(), **changes)
    check = ConnectionPool.check_connection if sizes.checked else None
    pool: ConnectionPool[Connection] = ConnectionPool(
        libpq_url(url),
        kwargs=_CONNECTION,
        configure=partial(set_prepare_mode, mode=prepare),
        check=check,
        open=False,
        **_numbers(sizes),
    )
    pool.open()
    return Database(pool)


def open_async_database(
    url: str,
    sizes: Sizes | None = None,
    *,
    prepare: Prepare = "auto",
    **changes: Unpack[SizeChanges],
) -> "AsyncDatabase":
    """Make a database that `async with`, or `await database.open()`, opens; as `open_database`."""
    sizes = replace(sizes or Sizes(), **changes)
    check = AsyncConnectionPool.check_connection if sizes.checked else None

    async def configure(connection: AsyncConnection) -> None:
        set_prepare_mode(connection, prepare)

    pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
        libpq_url(url),
        kwargs=_CONNECTION,
        configure=configure,
        check=check,
        open=False,
        **_numbers(sizes),
    )
    return AsyncDatabase(url, pool)


class Database:
    """A pool of connections."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def connection(self) -> AbstractContextManager[Connection]:
        """Lend a connection; at the end it is committed, on an error rolled back."""
        return self._pool.connection()

    @contextmanager
    def transaction(self, **options: Unpack[Options]) -> Generator[Connection]:
        """Lend a connection in a transaction with these options."""
        with self.connection() as connection, transaction(connection, **options):
            yield connection

    def retry(
        self,
        function: Callable[[Connection], T],
        *,
        attempts: int = 5,
        **options: Unpack[Options],
    ) -> T:
        """Call a function in a transaction, and again in a new one if transactions collided.

        They collide in a serialization failure or a deadlock. The function starts anew each time,
        so what it does outside the database is done again as well.
        """
        for attempt in range(1, attempts):
            try:
                with self.transaction(**options) as connection:
                    return function(connection)
            except (SerializationFailure, DeadlockDetected):
                time.sleep(_pause(attempt))
        with self.transaction(**options) as connection:
            return function(connection)

    def close(self) -> None:
        """Close the connections; one that is lent is closed when it is given back."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncDatabase:
    """A pool of async connections."""

    def __init__(self, url: str, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._url = url
        self._pool = pool

    async def open(self) -> None:
        """Connect, or say what is wrong with the URL."""
        (await asyncio.to_thread(connect, self._url)).close()
        await self._pool.open()

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection; at the end it is committed, on an error rolled back."""
        return self._pool.connection()

    @asynccontextmanager
    async def transaction(self, **options: Unpack[Options]) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection in a transaction with these options."""
        async with self.connection() as connection, async_transaction(connection, **options):
            yield connection

    async def retry(
        self,
        function: Callable[[AsyncConnection], Awaitable[T]],
        *,
        attempts: int = 5,
        **options: Unpack[Options],
    ) -> T:
        """Await a function in a transaction, and again in a new one if transactions collided."""
        for attempt in range(1, attempts):
            try:
                async with self.transaction(**options) as connection:
                    return await function(connection)
            except (SerializationFailure, DeadlockDetected):
                await asyncio.sleep(_pause(attempt))
        async with self.transaction(**options) as connection:
            return await function(connection)

    async def close(self) -> None:
        """Close the connections; one that is lent is closed when it is given back."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class _Numbers(TypedDict):
    min_size: int
    max_size: int
    max_lifetime: float
    max_idle: float
    timeout: float


def _numbers(sizes: Sizes) -> _Numbers:
    return {
        "min_size": sizes.min_size,
        "max_size": sizes.max_size,
        "max_lifetime": sizes.max_lifetime,
        "max_idle": sizes.max_idle,
        "timeout": sizes.timeout,
    }


_CONNECTION: dict[str, Any] = {
    "client_encoding": "UTF8",
    "fallback_application_name": "dbkit",
    # behind a pooler, a name that the driver gives may be the statement of another client
    "prepare_threshold": None,
}


def _pause(attempt: int) -> float:
    """Return the seconds to wait: more after each attempt, and different for each caller."""
    longest: float = min(_SHORTEST_PAUSE * 2**attempt, _LONGEST_PAUSE)
    return longest * random()  # noqa: S311 - no secret depends on it
